	(WITH RECURSIVE part(arg, rest) AS (
		SELECT NULL, {a}.argv
		UNION ALL
		SELECT CASE instr(rest, x'00') WHEN 0 THEN rest
				ELSE substr(rest, 1, instr(rest, x'00') - 1) END,
			CASE instr(rest, x'00') WHEN 0 THEN x''
				ELSE substr(rest, instr(rest, x'00') + 1) END
		FROM part WHERE length(rest) > 0)
	SELECT iif({a}.argv IS NULL, NULL, json_group_array(CAST(arg AS TEXT)))
	FROM part WHERE arg IS NOT NULL) AS argv,
	(WITH RECURSIVE part(arg, rest) AS (
		SELECT NULL, {a}.argv
		UNION ALL
		SELECT CASE instr(rest, x'00') WHEN 0 THEN rest
				ELSE substr(rest, 1, instr(rest, x'00') - 1) END,
			CASE instr(rest, x'00') WHEN 0 THEN x''
				ELSE substr(rest, instr(rest, x'00') + 1) END
		FROM part WHERE length(rest) > 0)
	SELECT group_concat(CAST(arg AS TEXT), ' ') FROM part WHERE arg IS NOT NULL) AS command,
