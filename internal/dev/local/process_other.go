//go:build !linux

package local

import "syscall"

// childAttributes puts the child in its own process group, so that Ctrl-C
// reaches only us, who stop it last.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}

// stopped cannot be told here.
func stopped(int) bool { return true }
