package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"journeys/internal/dev/funnel"
)

// screen draws the funnel, over the one before if standard output is a terminal.
type screen struct {
	begun    time.Time
	terminal bool
	lines    int // drawn last
}

// watch draws the journey's analytics each second until no customer is inside.
// It fails unless all of them left by an exit.
func watch(ctx context.Context, a *api, id string) error {
	s := &screen{begun: time.Now(), terminal: isTerminal(os.Stdout)}
	return poll(ctx, a, id, func(figures funnel.Analytics) (done bool, err error) {
		e := figures.Enrollments
		done = e.Total == customerCount && e.Active == 0
		s.draw(figures, done)
		if done && e.Completed != customerCount {
			err = fmt.Errorf("%d of %d customers completed: %+v", e.Completed, customerCount, e)
		}
		return done, err
	})
}

// poll reads the journey's analytics each second until read is done or fails.
func poll(ctx context.Context, a *api, id string, read func(funnel.Analytics) (done bool, err error)) error {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		figures, err := funnel.Read(ctx, a.Client, id)
		if err != nil {
			return err
		}
		if done, err := read(figures); done || err != nil {
			return err
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// draw prints one line of progress if standard output is no terminal and this is
// not the last time, otherwise the funnel.
func (s *screen) draw(a funnel.Analytics, last bool) {
	out := a.Enrollments.Total - a.Enrollments.Active
	progress := fmt.Sprintf("[%s] %4d of %d out, %2.0f s", funnel.Bar(out, customerCount), out, customerCount, time.Since(s.begun).Seconds())
	if !s.terminal && !last {
		for _, step := range a.Steps {
			progress += fmt.Sprintf(" %s %d", step.NodeID, step.Entered)
		}
		fmt.Println(progress)
		return
	}
	if s.terminal && s.lines > 0 {
		fmt.Printf("\x1b[%dA", s.lines)
	}
	lines := append(a.Lines(), progress)
	s.lines = len(lines)
	eraseLine := ""
	if s.terminal {
		eraseLine = "\x1b[K"
	}
	fmt.Println(eraseLine + strings.Join(lines, "\n"+eraseLine))
}

// showConversions waits until that many conversions are counted, and prints the funnel
// with them.
func showConversions(ctx context.Context, a *api, id string, count int) error {
	return poll(ctx, a, id, func(figures funnel.Analytics) (done bool, err error) {
		switch {
		case figures.Conversions > count:
			return false, fmt.Errorf("%d conversions, not %d", figures.Conversions, count)
		case figures.Conversions == count:
			fmt.Println(strings.Join(append(figures.Lines(), figures.Summary()), "\n"))
			return true, nil
		}
		return false, nil
	})
}

func isTerminal(file *os.File) bool {
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
