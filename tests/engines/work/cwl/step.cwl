cwlVersion: v1.2
class: CommandLineTool
baseCommand: [sh, -c]
requirements: {InlineJavascriptRequirement: {}}
arguments: ["md5sum $(inputs.f.path); exit 0"]
inputs: {f: File}
outputs: {o: {type: stdout}}
stdout: sum.txt
