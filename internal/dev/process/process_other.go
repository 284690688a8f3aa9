//go:build !linux

package process

import "syscall"

// childAttributes puts the child in its own process group, so that Ctrl-C
// reaches only the parent, which stops it last.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}

// stopped returns true: there is no portable way to ask.
func stopped(int) bool { return true }
