"""Reports: a `SessionReport` in, text out; one module per format, none of which judges anything."""
