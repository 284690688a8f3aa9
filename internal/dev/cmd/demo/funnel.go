package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"journeys/internal/dev/funnel"
)

// screen is the funnel, drawn over and over where standard output allows it.
type screen struct {
	begun    time.Time
	terminal bool
	drawn    int // lines
}

// watch draws the journey's analytics each second until nobody is inside, and
// fails unless everybody left by an exit.
func watch(ctx context.Context, c *client, id string) error {
	s := &screen{begun: time.Now(), terminal: isTerminal(os.Stdout)}
	look := time.NewTicker(time.Second)
	defer look.Stop()
	for {
		a, err := funnel.Read(ctx, &c.http, c.url, c.token, id)
		if err != nil {
			return err
		}
		e := a.Enrollments
		done := e.Total == crowd && e.Active == 0
		s.draw(a, done)
		if done {
			if e.Completed != crowd {
				return fmt.Errorf("of %d customers %d completed: %+v", crowd, e.Completed, e)
			}
			return nil
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// draw draws the funnel over the one before. Where that cannot be it prints it
// in a line, and drawn at the end.
func (s *screen) draw(a funnel.Analytics, last bool) {
	out := a.Enrollments.Total - a.Enrollments.Active
	progress := fmt.Sprintf("[%s] %4d of %d out, %2.0f s", funnel.Bar(out, crowd), out, crowd, time.Since(s.begun).Seconds())
	if !s.terminal && !last {
		for _, step := range a.Steps {
			progress += fmt.Sprintf(" %s %d", step.NodeID, step.Entered)
		}
		fmt.Println(progress)
		return
	}
	if s.terminal && s.drawn > 0 {
		fmt.Printf("\x1b[%dA", s.drawn)
	}
	lines := append(a.Lines(), progress)
	s.drawn = len(lines)
	clear := ""
	if s.terminal {
		clear = "\x1b[K" // what was there
	}
	fmt.Println(clear + strings.Join(lines, "\n"+clear))
}

func isTerminal(file *os.File) bool {
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
