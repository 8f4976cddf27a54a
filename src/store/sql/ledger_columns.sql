	cpu_ns INTEGER, runq_ns INTEGER, disk_ns INTEGER, net_ns INTEGER, pipe_ns INTEGER,
	lock_ns INTEGER, child_ns INTEGER, sleep_ns INTEGER, poll_ns INTEGER, reclaim_ns INTEGER,
	stopped_ns INTEGER, other_ns INTEGER, thread_ns INTEGER, utime_ns INTEGER, stime_ns INTEGER,
	minor_faults INTEGER, major_faults INTEGER,
	switches_voluntary INTEGER, switches_involuntary INTEGER,
	read_bytes INTEGER, write_bytes INTEGER, cancelled_write_bytes INTEGER,
	rchar_bytes INTEGER, wchar_bytes INTEGER, read_calls INTEGER, write_calls INTEGER,
	net_rx_bytes INTEGER, net_tx_bytes INTEGER, direct_reclaim_ns INTEGER, disk_waits INTEGER
