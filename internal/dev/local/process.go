package local

import (
	"bytes"
	"io"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// process is a child with a process group of its own.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{} // closed when it is gone
	err   error         // how it ended; valid once ended is closed
}

func startProcess(cmd *exec.Cmd) (*process, error) {
	cmd.SysProcAttr = childAttributes()
	// What the child left behind may hold its output open for ever.
	cmd.WaitDelay = time.Second
	p := &process{cmd: cmd, ended: make(chan struct{})}
	started := make(chan error)
	go func() {
		// Linux sends the parent's death signal when the thread that started
		// the child ends, so this one stays until the child is gone.
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			p.err = cmd.Wait()
			close(p.ended)
		}
	}()
	return p, <-started
}

func (p *process) freeze() { p.signal(syscall.SIGSTOP) }
func (p *process) thaw()   { p.signal(syscall.SIGCONT) }
func (p *process) kill()   { p.signal(syscall.SIGKILL) }

// awaitFrozen returns once no thread of the process runs any more: a signal
// takes a moment to reach one that runs on another processor.
func (p *process) awaitFrozen() {
	for p.alive() && !stopped(p.cmd.Process.Pid) {
		runtime.Gosched()
	}
}

// signal reaches the whole group. That it may be gone already is no failure.
func (p *process) signal(s syscall.Signal) {
	select {
	case <-p.ended: // the number may be another's by now
	default:
		_ = syscall.Kill(-p.cmd.Process.Pid, s)
	}
}

// alive reports whether the process can still be given work.
func (p *process) alive() bool {
	select {
	case <-p.ended:
		return false
	default:
		return syscall.Kill(p.cmd.Process.Pid, 0) == nil
	}
}

// prefixed writes whole lines to the shared writer, each behind its prefix.
type prefixed struct {
	mu     *sync.Mutex // of the shared writer
	to     io.Writer
	prefix string
	line   []byte // begun, not yet ended
}

func (p *prefixed) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.line = append(p.line, b...)
	for {
		line, rest, whole := bytes.Cut(p.line, []byte("\n"))
		if !whole {
			return len(b), nil
		}
		// A log that nobody can read must not end the function that writes it.
		_, _ = p.to.Write(append(append([]byte(p.prefix), line...), '\n'))
		p.line = rest
	}
}
