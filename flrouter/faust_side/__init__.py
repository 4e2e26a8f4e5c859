"""The adapters to Faust: a worker is a Faust app, but its records go by `runtime`.

Each fills one of Faust's extension points. Every override names the fault that it answers;
`docs/faust.md` lists them with the tests that say when they are not needed any more.
"""
