"""Work on a stream of items in several processes, in order, with the results of one."""
