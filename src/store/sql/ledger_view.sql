	iif(r.collector = 3, NULL, {a}.cpu_ns) AS cpu_ns,
	iif(r.collector = 3, NULL, {a}.cpu_ns - CASE WHEN {a}.stime_ns = 0 THEN 0
		WHEN {a}.utime_ns = 0 THEN {a}.cpu_ns
		ELSE CAST({a}.cpu_ns * ({a}.stime_ns * 1.0 / ({a}.utime_ns + {a}.stime_ns)) AS INTEGER)
		END) AS user_ns,
	iif(r.collector = 3, NULL, CASE WHEN {a}.stime_ns = 0 THEN 0
		WHEN {a}.utime_ns = 0 THEN {a}.cpu_ns
		ELSE CAST({a}.cpu_ns * ({a}.stime_ns * 1.0 / ({a}.utime_ns + {a}.stime_ns)) AS INTEGER)
		END) AS system_ns,
	iif(r.features & 32, {a}.runq_ns, NULL) AS runq_ns,
	iif(r.collector = 1, {a}.disk_ns, NULL) AS disk_ns,
	iif(r.features & 256, {a}.net_ns, NULL) AS net_ns,
	iif(r.features & 256, {a}.pipe_ns, NULL) AS pipe_ns,
	iif(r.features & 256, {a}.lock_ns, NULL) AS lock_ns,
	iif(r.features & 256, {a}.child_ns, NULL) AS child_ns,
	iif(r.features & 256, {a}.sleep_ns, NULL) AS sleep_ns,
	iif(r.features & 256, {a}.poll_ns, NULL) AS poll_ns,
	iif(r.features & 4, {a}.reclaim_ns, NULL) AS reclaim_ns,
	iif(r.collector = 1, {a}.stopped_ns, NULL) AS stopped_ns,
	iif(r.collector = 3, NULL, {a}.other_ns) AS other_ns,
	iif(r.collector = 3, NULL, {a}.thread_ns) AS thread_ns,
	iif(r.collector = 3, NULL, {a}.minor_faults) AS minor_faults,
	iif(r.collector = 3, NULL, {a}.major_faults) AS major_faults,
	iif(r.collector = 3, NULL, {a}.switches_voluntary) AS switches_voluntary,
	iif(r.collector = 3, NULL, {a}.switches_involuntary) AS switches_involuntary,
	iif(r.features & 16, {a}.read_bytes, NULL) AS read_bytes,
	iif(r.features & 16, {a}.write_bytes, NULL) AS write_bytes,
	iif(r.features & 16, {a}.cancelled_write_bytes, NULL) AS cancelled_write_bytes,
	iif(r.features & 16, {a}.rchar_bytes, NULL) AS rchar_bytes,
	iif(r.features & 16, {a}.wchar_bytes, NULL) AS wchar_bytes,
	iif(r.features & 16, {a}.read_calls, NULL) AS read_calls,
	iif(r.features & 16, {a}.write_calls, NULL) AS write_calls,
	iif(r.features & 1, {a}.net_rx_bytes, NULL) AS net_rx_bytes,
	iif(r.features & 1, {a}.net_tx_bytes, NULL) AS net_tx_bytes,
	iif(r.features & 4, {a}.direct_reclaim_ns, NULL) AS direct_reclaim_ns,
	iif(r.collector = 1, {a}.disk_waits, NULL) AS disk_waits
