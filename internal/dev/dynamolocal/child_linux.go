package dynamolocal

import "syscall"

// childAttributes puts the child in its own process group, so that Ctrl-C
// reaches only the parent, which stops it last, and kills it when the parent
// dies without stopping it.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
