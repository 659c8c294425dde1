"""The wells of a run on several machines, through Dask (extra `cluster`).

Dask hands out the tasks and knows who is alive. A worker of it does every task in a process of its
own, as a run on one computer does, and sends back the files that it made: only the client writes
into the run folder.
"""
