cwlVersion: v1.2
class: CommandLineTool
baseCommand: [sh, -c]
requirements: {DockerRequirement: {dockerPull: "box:1"}, ResourceRequirement: {ramMin: 64, coresMin: 1}}
arguments: ["/bin/busybox sort $(inputs.f.path); exit 0"]
inputs: {f: File}
outputs: {o: {type: stdout}}
stdout: box.txt
