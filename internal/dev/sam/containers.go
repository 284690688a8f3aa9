package sam

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"
)

const (
	pollContainers = 250 * time.Millisecond
	removalLimit   = time.Minute // for all containers
)

// removeContainers removes the containers that SAM CLI left, until none has
// appeared for c.quiet. SAM CLI leaves containers when it is killed, when the
// engine fails to remove one at once, and when it is stopped while it starts: the
// engine then still creates the ones that were requested last. Containers of
// other runs have other settings, and are kept.
func (c *CLI) removeContainers() {
	ctx, cancel := context.WithTimeout(context.Background(), removalLimit)
	defer cancel()
	poll := time.NewTicker(pollContainers)
	defer poll.Stop()
	for last := time.Now(); time.Since(last) < c.quiet; {
		found, err := c.findContainers(ctx)
		if err != nil {
			return // the engine does not run, or has no docker command
		}
		for _, id := range found {
			last = time.Now()
			out, err := exec.CommandContext(ctx, "docker", "rm", "--force", id).CombinedOutput()
			if err != nil {
				_, _ = fmt.Fprintf(c.options.Log, "container not removed: %.12s: %s\n", id, bytes.TrimSpace(out))
				continue
			}
			_, _ = fmt.Fprintf(c.options.Log, "container of SAM CLI removed: %.12s\n", id)
		}
		select {
		case <-poll.C:
		case <-ctx.Done():
			return
		}
	}
}

// findContainers returns the ids of this CLI's containers, running or not.
func (c *CLI) findContainers(ctx context.Context) ([]string, error) {
	ids, err := exec.CommandContext(ctx, "docker", "ps", "--all", "--quiet").Output()
	if err != nil || len(bytes.TrimSpace(ids)) == 0 {
		return nil, err
	}
	inspect := append([]string{"inspect", "--format", "{{.Id}} {{json .Config.Env}}"}, strings.Fields(string(ids))...)
	// A container that was removed meanwhile is an error; the others are printed.
	list, _ := exec.CommandContext(ctx, "docker", inspect...).Output()
	var found []string
	for line := range strings.Lines(string(list)) {
		id, env, _ := strings.Cut(line, " ")
		if slices.ContainsFunc(c.marks, func(mark string) bool { return strings.Contains(env, mark+`"`) }) {
			found = append(found, id)
		}
	}
	return found, nil
}
