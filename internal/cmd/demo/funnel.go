package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"journeys/internal/dynamo"
	"journeys/internal/engine"
	"journeys/internal/journey"
)

// barWidth is in characters.
const barWidth = 30

// funnel is who got how far, as the table told of each customer.
type funnel struct {
	begun  time.Time
	seen   map[string]journey.Enrollment
	screen bool // standard output can be drawn over
	drawn  bool
}

// watch looks where everybody is, each second, and draws it, until everybody
// is out. It asks the table, a hundred customers a request: a thousand calls of
// the API a second would be most of what this machine does.
func watch(ctx context.Context, table *dynamo.Store, id string, everybody []customer) error {
	f := &funnel{begun: time.Now(), seen: map[string]journey.Enrollment{}, screen: isTerminal(os.Stdout)}
	look := time.NewTicker(time.Second)
	defer look.Stop()
	for {
		if err := f.look(ctx, table, journey.ID(id), everybody); err != nil {
			return err
		}
		done := f.out() == len(everybody)
		f.draw(done)
		if done {
			return f.failures()
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// look reads where those are who were not out.
func (f *funnel) look(ctx context.Context, table *dynamo.Store, id journey.ID, everybody []customer) error {
	t, _ := journey.ParseTenant(tenant)
	var inside []string
	for _, customer := range everybody {
		if e, ok := f.seen[customer.id]; !ok || e.Status == journey.Inside {
			inside = append(inside, customer.id)
		}
	}
	for some := range slices.Chunk(inside, engine.PackSize) {
		_, list, err := table.Load(ctx, t, id, some)
		if err != nil {
			return err
		}
		for _, e := range list {
			f.seen[e.Customer] = e
		}
	}
	return nil
}

func (f *funnel) out() (n int) {
	for _, e := range f.seen {
		if e.Status != journey.Inside {
			n++
		}
	}
	return n
}

// failures returns an error unless everybody left by an exit.
func (f *funnel) failures() error {
	for customer, e := range f.seen {
		if e.Status != journey.Completed {
			return fmt.Errorf("%s left as %s: %s", customer, e.Status, e.ExitReason)
		}
	}
	return nil
}

// counts returns for each node how many entered it, and how many are there.
func (f *funnel) counts() (entered, here [len(nodes)]int) {
	for _, e := range f.seen {
		for _, visit := range e.Path.Visits(e.EnrolledAt) {
			entered[visit.Node]++
		}
		if e.Status == journey.Inside {
			entered[e.Node]++
			here[e.Node]++
		}
	}
	return entered, here
}

// draw draws the funnel over the one before. Where that cannot be it prints it
// in a line, and drawn at the end.
func (f *funnel) draw(last bool) {
	n := f.out()
	progress := fmt.Sprintf("[%s] %4d of %d out, %2.0f s", bar(n), n, crowd, time.Since(f.begun).Seconds())
	entered, here := f.counts()
	if !f.screen && !last {
		for i, node := range nodes {
			progress += fmt.Sprintf(" %s %d", node.id, entered[i])
		}
		fmt.Println(progress)
		return
	}
	if f.screen && f.drawn {
		fmt.Printf("\x1b[%dA", len(nodes)+1)
	}
	f.drawn = true
	for i, node := range nodes {
		line := fmt.Sprintf("  %-10s %-15s %4d %s", node.id, node.kind, entered[i], bar(entered[i]))
		if here[i] > 0 {
			line += fmt.Sprintf(" %d here", here[i])
		}
		f.print(line)
	}
	f.print(progress)
}

func (f *funnel) print(line string) {
	if f.screen {
		line = "\x1b[K" + line // clears what was there
	}
	fmt.Println(line)
}

func bar(n int) string {
	full := n * barWidth / crowd
	return strings.Repeat("#", full) + strings.Repeat(".", barWidth-full)
}

func isTerminal(file *os.File) bool {
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
