package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"journeys/internal/dev/client"
	"journeys/internal/dev/local"
	"journeys/internal/journey"
	"journeys/internal/manifest"
)

// maxParallel is how many calls run at a time.
const maxParallel = 16

// api makes the demo's calls.
type api struct {
	*client.Client
	machine string // its URL
}

func newAPI(machine, token string) *api {
	return &api{&client.Client{
		Base: machine + manifest.BasePath, Token: client.Fixed(token),
		HTTP: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: maxParallel}},
	}, machine}
}

// createJourney creates the journey, activates it and returns its id.
func (a *api) createJourney(ctx context.Context) (id string, err error) {
	var list []string
	for _, n := range nodes {
		list = append(list, fmt.Sprintf(`{"id":%q,"type":%q,"config":%s}`, n.id, n.kind, n.config))
	}
	body := fmt.Sprintf(`{"name":"Onboarding","goal":%s,"definition":{"nodes":[%s],"edges":%s}}`, goal, strings.Join(list, ","), edges)
	var created struct{ ID string }
	if err := a.Do(ctx, http.MethodPost, "/journeys", json.RawMessage(body), &created); err != nil {
		return "", err
	}
	return created.ID, a.Do(ctx, http.MethodPut, "/journeys/"+created.ID, map[string]string{"status": "active"}, nil)
}

func (a *api) putProfiles(ctx context.Context, customers []customer) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(maxParallel)
	for _, c := range customers {
		group.Go(func() error {
			body := json.RawMessage(`{"attributes":` + c.attributes() + `}`)
			return a.Do(ctx, http.MethodPut, "/customers/"+c.id, body, nil)
		})
	}
	return group.Wait()
}

// enroll enrolls the customers in one call. It fails unless all are new.
func (a *api) enroll(ctx context.Context, id string, customers []customer) error {
	ids := make([]string, len(customers))
	for i, c := range customers {
		ids[i] = c.id
	}
	var counts struct{ Enrolled int }
	err := a.Do(ctx, http.MethodPost, "/journeys/"+id+"/enroll", map[string]any{"customerIds": ids}, &counts)
	if err != nil {
		return err
	}
	if counts.Enrolled != len(customers) {
		return fmt.Errorf("%d of %d customers enrolled", counts.Enrolled, len(customers))
	}
	return nil
}

// buy sends the events of the customers that reach the goal, and returns how many do.
func (a *api) buy(ctx context.Context, customers []customer) (int, error) {
	var events []map[string]string
	for _, c := range customers {
		if c.buys() {
			events = append(events, map[string]string{"customerId": c.id, "eventType": "purchase"})
		}
	}
	for chunk := range slices.Chunk(events, journey.MaxEvents) {
		var answer struct{ Results []struct{ Code string } }
		if err := a.Do(ctx, http.MethodPost, "/events", map[string]any{"events": chunk}, &answer); err != nil {
			return 0, err
		}
		for _, result := range answer.Results {
			if result.Code != "" {
				return 0, fmt.Errorf("an event was refused: %s", result.Code)
			}
		}
	}
	return len(events), nil
}

// checkInbox returns the number of messages in the inbox. It fails unless each
// expected message is there exactly once, and no other.
func (a *api) checkInbox(ctx context.Context, id string, customers []customer) (int, error) {
	var inbox struct {
		Data []struct{ CustomerID, NodeID string }
	}
	machine := client.Client{Base: a.machine, Token: a.Token, HTTP: a.HTTP}
	if err := machine.Do(ctx, http.MethodGet, local.InboxPath+"?journeyId="+id, nil, &inbox); err != nil {
		return 0, err
	}
	sent := map[string]int{}
	for _, m := range inbox.Data {
		sent[m.CustomerID+" at "+m.NodeID]++
	}
	var faults []error
	expected := 0
	for _, c := range customers {
		for _, node := range c.messages() {
			expected++
			if n := sent[c.id+" at "+node]; n != 1 {
				faults = append(faults, fmt.Errorf("the inbox has the message to %s at %s %d times, not once", c.id, node, n))
			}
		}
	}
	if len(inbox.Data) != expected {
		faults = append(faults, fmt.Errorf("the inbox has %d messages, not %d", len(inbox.Data), expected))
	}
	return expected, errors.Join(faults...)
}
