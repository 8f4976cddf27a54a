cwlVersion: v1.2
class: CommandLineTool
baseCommand: [sort]
inputs: {f: {type: File, inputBinding: {position: 1}}}
outputs: {o: {type: stdout}}
stdout: sorted.txt
