package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// withParent returns a context that ends when the parent process is gone, or when
// the parent is a make that was interrupted: make does not pass SIGINT on to its
// children, and waits for their end.
func withParent(ctx context.Context) context.Context {
	ctx, stop := context.WithCancel(ctx)
	parent := os.Getppid()
	caught := makeCatchesInterrupt(parent)
	go func() {
		defer stop()
		poll := time.NewTicker(200 * time.Millisecond)
		defer poll.Stop()
		for os.Getppid() == parent && makeCatchesInterrupt(parent) == caught {
			select {
			case <-ctx.Done():
				return
			case <-poll.C:
			}
		}
	}()
	return ctx
}

// makeCatchesInterrupt reports whether a process is a make that handles SIGINT
// itself, as it does until the first one. It is false where there is no /proc.
func makeCatchesInterrupt(pid int) bool {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return false
	}
	fields := map[string]string{}
	for line := range strings.Lines(string(status)) {
		name, value, _ := strings.Cut(line, ":")
		fields[name] = strings.TrimSpace(value)
	}
	caught, err := strconv.ParseUint(fields["SigCgt"], 16, 64)
	return err == nil && strings.HasSuffix(fields["Name"], "make") && caught&(1<<(syscall.SIGINT-1)) != 0
}
