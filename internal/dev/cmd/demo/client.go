package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"journeys/internal/dev/local"
	"journeys/internal/manifest"
)

// atOnce is how many calls are under way at a time.
const atOnce = 16

type client struct {
	url, token string
	http       http.Client
}

func newClient(url, token string) *client {
	return &client{url: url, token: token, http: http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: atOnce}}}
}

// call makes a call, and reads the answer into out unless that is nil.
func (c *client) call(ctx context.Context, method, path, body string, out any) error {
	request, err := http.NewRequestWithContext(ctx, method, c.url+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+c.token)
	request.Header.Set("Content-Type", "application/json")
	response, err := c.http.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s answered %d: %s", method, path, response.StatusCode, text)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(text, out)
}

// each calls f with each number below n, some at a time, and returns the first
// error.
func each(n int, f func(i int) error) error {
	next := make(chan int)
	errs := make(chan error, atOnce)
	var all sync.WaitGroup
	for range atOnce {
		all.Go(func() {
			var first error
			for i := range next {
				if first == nil {
					first = f(i)
				}
			}
			errs <- first
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	all.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *client) createJourney(ctx context.Context) (id string, err error) {
	var list []string
	for _, n := range nodes {
		list = append(list, fmt.Sprintf(`{"id":%q,"type":%q,"config":%s}`, n.id, n.kind, n.config))
	}
	body := fmt.Sprintf(`{"name":"Onboarding","definition":{"nodes":[%s],"edges":%s}}`, strings.Join(list, ","), edges)
	var made struct{ ID string }
	if err := c.call(ctx, http.MethodPost, manifest.BasePath+"/journeys", body, &made); err != nil {
		return "", err
	}
	return made.ID, c.call(ctx, http.MethodPut, manifest.BasePath+"/journeys/"+made.ID, `{"status":"active"}`, nil)
}

func (c *client) putProfiles(ctx context.Context, everybody []customer) error {
	return each(len(everybody), func(i int) error {
		path := manifest.BasePath + "/customers/" + everybody[i].id
		return c.call(ctx, http.MethodPut, path, `{"attributes":`+everybody[i].attributes()+`}`, nil)
	})
}

func (c *client) enroll(ctx context.Context, journey string, everybody []customer) error {
	ids := make([]string, len(everybody))
	for i, customer := range everybody {
		ids[i] = customer.id
	}
	body, err := json.Marshal(map[string]any{"customerIds": ids})
	if err != nil {
		return err
	}
	var counts struct{ Enrolled int }
	path := manifest.BasePath + "/journeys/" + journey + "/enroll"
	if err := c.call(ctx, http.MethodPost, path, string(body), &counts); err != nil {
		return err
	}
	if counts.Enrolled != len(everybody) {
		return fmt.Errorf("%d of %d were enrolled", counts.Enrolled, len(everybody))
	}
	return nil
}

// checkInbox returns how many messages there are, all of them as they should
// be.
func (c *client) checkInbox(ctx context.Context, journey string, everybody []customer) (int, error) {
	var inbox struct {
		Data []struct{ CustomerID, NodeID, IdempotencyKey string }
	}
	if err := c.call(ctx, http.MethodGet, local.InboxPath+"?journeyId="+journey, "", &inbox); err != nil {
		return 0, err
	}
	sent := map[string]int{}
	for _, m := range inbox.Data {
		sent[m.CustomerID+" at "+m.NodeID]++
	}
	var faults []error
	expected := 0
	for _, customer := range everybody {
		for _, node := range customer.messages() {
			expected++
			if n := sent[customer.id+" at "+node]; n != 1 {
				faults = append(faults, fmt.Errorf("the message to %s at %s is in the inbox %d times", customer.id, node, n))
			}
		}
	}
	if len(inbox.Data) != expected {
		faults = append(faults, fmt.Errorf("there are %d messages in the inbox, not %d", len(inbox.Data), expected))
	}
	return expected, errors.Join(faults...)
}
