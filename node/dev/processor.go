package dev

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// ProcessorTime is what a process has computed so far, on systems that have proc_pid_stat(5).
func ProcessorTime(pid int) (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, fmt.Errorf("read the processor time of process %d: %w", pid, err)
	}
	return parseProcessorTime(string(stat))
}

// parseProcessorTime reads the text of /proc/PID/stat: behind the name, which is in parentheses, utime and stime are the
// twelfth and the thirteenth field, in hundredths of a second (proc_pid_stat(5)).
func parseProcessorTime(stat string) (all time.Duration, err error) {
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) < 13 {
		return 0, fmt.Errorf("read the processor time: there are %d fields behind the name, want 13 at least", len(fields))
	}
	for _, text := range fields[11:13] {
		ticks, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("read the processor time: %w", err)
		}
		all += time.Duration(ticks) * 10 * time.Millisecond
	}
	return all, nil
}
