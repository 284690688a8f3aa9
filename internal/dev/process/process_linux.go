package process

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// childAttributes puts the child in its own process group, so that Ctrl-C
// reaches only the parent, which stops it last, and kills it when the parent
// dies without stopping it.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// stopped reports whether every thread of a process is stopped.
func stopped(pid int) bool {
	threads, _ := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/stat")
	for _, path := range threads {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue // the thread has ended
		}
		if _, state, ok := bytes.Cut(stat, []byte(") ")); ok && state[0] != 'T' && state[0] != 't' {
			return false
		}
	}
	return true
}
