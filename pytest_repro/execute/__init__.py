"""Where runs happen: in this process, in worker processes, on a cluster."""
