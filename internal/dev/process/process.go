// Package process runs child processes that end with this one, and that can be
// frozen and thawed.
package process

import (
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// Process is a child in a process group of its own. On Linux it is killed when
// its parent dies.
type Process struct {
	cmd   *exec.Cmd
	ended chan struct{}
	err   error // valid once ended is closed
}

// Start starts cmd. The child's output is read for at most a second after its
// end, whatever its own children keep open.
func Start(cmd *exec.Cmd) (*Process, error) {
	cmd.SysProcAttr = childAttributes()
	cmd.WaitDelay = time.Second
	p := &Process{cmd: cmd, ended: make(chan struct{})}
	started := make(chan error)
	go func() {
		// Linux sends the parent's death signal when the thread that started
		// the child ends, so this thread stays until the child is gone.
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			p.err = cmd.Wait()
			close(p.ended)
		}
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

// Ended returns a channel that is closed when the process is gone.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// Err returns how the process ended, as exec.Cmd.Wait does. It may be called
// once the channel of Ended is closed.
func (p *Process) Err() error { return p.err }

// Freeze stops the process where it is, shortly after the call.
func (p *Process) Freeze() { p.Signal(syscall.SIGSTOP) }

// Thaw continues a frozen process.
func (p *Process) Thaw() { p.Signal(syscall.SIGCONT) }

// Kill ends the process, frozen or not, shortly after the call.
func (p *Process) Kill() { p.Signal(syscall.SIGKILL) }

// AwaitFrozen returns once every thread of a process that was frozen has
// stopped: a signal takes a moment to reach threads on other processors. It
// returns at once where there is no /proc.
func (p *Process) AwaitFrozen() {
	for p.Alive() && !stopped(p.cmd.Process.Pid) {
		runtime.Gosched()
	}
}

// Signal sends s to the process group. It does nothing if the process is gone.
func (p *Process) Signal(s syscall.Signal) {
	select {
	case <-p.ended: // its id may belong to another process by now
	default:
		_ = syscall.Kill(-p.cmd.Process.Pid, s)
	}
}

// Alive reports whether the process exists.
func (p *Process) Alive() bool {
	select {
	case <-p.ended:
		return false
	default:
		return syscall.Kill(p.cmd.Process.Pid, 0) == nil
	}
}
