"""The run queue: which runs to request, in which class and order, how large, and how fast they may write."""
