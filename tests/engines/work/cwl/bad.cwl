cwlVersion: v1.2
class: CommandLineTool
baseCommand: [sh, -c]
arguments: ["/bin/sort /dev/null; exit 6"]
inputs: {f: File}
outputs: {o: {type: stdout}}
stdout: bad.txt
