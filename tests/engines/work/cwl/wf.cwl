cwlVersion: v1.2
class: Workflow
requirements: {ScatterFeatureRequirement: {}}
inputs: {fs: "File[]"}
steps:
  sum: {run: step.cwl, scatter: f, in: {f: fs}, out: [o]}
  order: {run: direct.cwl, scatter: f, in: {f: fs}, out: [o]}
outputs: {out: {type: "File[]", outputSource: sum/o}, srt: {type: "File[]", outputSource: order/o}}
