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

// withParent returns a context that ends when our parent is gone, or when it is
// a make that waits for us to end: an interrupt that reaches make alone stays
// with it, and make then waits for us for ever.
func withParent(ctx context.Context) context.Context {
	ctx, stop := context.WithCancel(ctx)
	parent := os.Getppid()
	caught := makeCatchesInterrupt(parent)
	go func() {
		defer stop()
		look := time.NewTicker(200 * time.Millisecond)
		defer look.Stop()
		for os.Getppid() == parent && makeCatchesInterrupt(parent) == caught {
			select {
			case <-ctx.Done():
				return
			case <-look.C:
			}
		}
	}()
	return ctx
}

// makeCatchesInterrupt reports whether a process is a make that handles SIGINT
// itself, as it does until its first one. Where there is no /proc it is false.
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
