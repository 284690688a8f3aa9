package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"journeys/internal/dev/issuer"

	"journeys/internal/dev/client"
	"journeys/internal/manifest"
)

func (d *deployment) start(ctx context.Context) (shown string, err error) {
	if d.issuer, err = issuer.Open(d.dir); err != nil {
		return "", err
	}
	if d.keys, err = serveKeys(ctx, d.issuer); err != nil {
		return "", err
	}
	d.emulator, err = startEmulator(ctx, d.root, d.dir, filepath.Join(d.logs, "ministack.log"))
	if err != nil {
		return "", err
	}
	return d.emulator.url, nil
}

func (d *deployment) bootstrap(ctx context.Context) (string, error) {
	// In infra/ the CDK would synthesize the app first.
	_, err := d.cdk(ctx, "bootstrap", d.dir, "bootstrap", "aws://"+account+"/"+region)
	return account + "/" + region, err
}

func (d *deployment) deploy(ctx context.Context) (string, error) {
	_, err := d.cdkDeploy(ctx, "deploy")
	if err != nil {
		return "", err
	}
	if d.stack, err = d.emulator.snapshot(ctx); err != nil {
		return "", err
	}
	api, err := d.output(ctx, "ApiUrl")
	if err != nil {
		return "", err
	}
	if d.proxy, err = startAPIProxy(ctx, api, d.emulator); err != nil {
		return "", err
	}
	d.api = &client.Client{Base: d.proxy.url() + manifest.BasePath, Token: func() (string, error) {
		return d.issuer.Token("kept", manifest.Admin, time.Now())
	}}
	return api, nil
}

func (d *deployment) readBack(ctx context.Context) (string, error) {
	read, err := d.stack.check(ctx)
	return fmt.Sprintf("%d resources; the %d read back match the template, and the template matches the manifest",
		len(d.stack.resources), read), err
}

// output returns the value of one of the stack's outputs.
func (d *deployment) output(ctx context.Context, name string) (string, error) {
	var answer struct {
		Outputs []struct{ OutputKey, OutputValue string } `xml:"DescribeStacksResult>Stacks>member>Outputs>member"`
	}
	if err := d.emulator.query(ctx, "cloudformation", "DescribeStacks", &answer, "StackName", stack); err != nil {
		return "", err
	}
	for _, o := range answer.Outputs {
		if o.OutputKey == name {
			return o.OutputValue, nil
		}
	}
	return "", fmt.Errorf("the stack has no output %s", name)
}

var answered = regexp.MustCompile(`(?m)^e2e: (\d+) calls answered by`)

// callAll runs the end-to-end tests against the deployed API.
func (d *deployment) callAll(ctx context.Context) (string, error) {
	text, err := d.command(ctx, "call", d.root, os.Environ(), "go", "test", "-count=1", "./internal/dev/e2e",
		"-skip", "^TestLocal", "-url", d.proxy.url(), "-issuer", d.dir, "-gateway", "ministack", "-v")
	if err != nil {
		return "", err
	}
	match := answered.FindStringSubmatch(text)
	if match == nil {
		return "", errors.New("the end-to-end tests printed no number of calls")
	}
	d.calls, err = strconv.Atoi(match[1])
	tests := strings.Count(text, "\n--- PASS: ")
	return fmt.Sprintf("%d end-to-end tests, %d calls", tests, d.calls), err
}

// storedJourney is a journey from before the stack is changed.
type storedJourney struct{ path, text string }

const graph = `{"nodes":[{"id":"in","type":"entry_trigger"},{"id":"out","type":"exit"}],"edges":[{"source":"in","target":"out"}]}`

// createJourney creates and activates the journey that a change of the stack must
// keep.
func (d *deployment) createJourney(ctx context.Context) (err error) {
	if d.journey.path, err = d.activate(ctx, "Kept", graph); err != nil {
		return err
	}
	// Read again: the answer of a PUT has warnings.
	d.journey.text, err = d.request(ctx, http.StatusOK, http.MethodGet, d.journey.path, "")
	return err
}

// activate creates and activates a journey, and returns its path.
func (d *deployment) activate(ctx context.Context, name, definition string) (path string, err error) {
	created, err := d.request(ctx, http.StatusCreated, http.MethodPost, "/journeys", `{"name":"`+name+`","definition":`+definition+`}`)
	if err != nil {
		return "", err
	}
	var journey struct{ ID string }
	if err := json.Unmarshal([]byte(created), &journey); err != nil {
		return "", err
	}
	path = "/journeys/" + journey.ID
	_, err = d.request(ctx, http.StatusOK, http.MethodPut, path, `{"status":"active"}`)
	return path, err
}

// messageGraph returns a graph that sends one message, of a node with that id and
// configuration.
func messageGraph(node, config string) string {
	return `{"nodes":[{"id":"in","type":"entry_trigger"},{"id":"` + node + `","type":"channel_action","config":` + config + `},` +
		`{"id":"out","type":"exit"}],"edges":[{"source":"in","target":"` + node + `"},{"source":"` + node + `","target":"out"}]}`
}

// denyAction shows that IAM decides what functions may do: enroll fails while its
// role is denied one action, and works afterwards. It leaves one customer in the
// journey.
func (d *deployment) denyAction(ctx context.Context) (string, error) {
	const action, policy = "dynamodb:PartiQLInsert", "denied"
	if err := d.createJourney(ctx); err != nil {
		return "", err
	}
	role, err := d.stack.first("AWS::IAM::Role", manifest.EnrollCustomers.Function.LogicalID()+"Role")
	if err != nil {
		return "", err
	}
	err = d.emulator.query(ctx, "iam", "PutRolePolicy", nil, "RoleName", role, "PolicyName", policy, "PolicyDocument",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"`+action+`","Resource":"*"}]}`)
	if err != nil {
		return "", err
	}
	if err := d.enroll(ctx, "a", counts{Errors: 1}); err != nil {
		return "", fmt.Errorf("without %s: %w", action, err)
	}
	err = d.emulator.query(ctx, "iam", "DeleteRolePolicy", nil, "RoleName", role, "PolicyName", policy)
	if err != nil {
		return "", err
	}
	return action + " denied: no customer enrolled; allowed: one enrolled", d.enroll(ctx, "a", counts{Enrolled: 1})
}

// counts are the counts in the answer to an enroll call.
type counts struct{ Enrolled, Skipped, Errors int }

// enroll enrolls a customer in the journey and checks the counts.
func (d *deployment) enroll(ctx context.Context, customer string, want counts) error {
	text, err := d.request(ctx, http.StatusCreated, http.MethodPost, d.journey.path+"/enroll", `{"customerId":"`+customer+`"}`)
	if err != nil {
		return err
	}
	var got counts
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		return err
	}
	if got != want {
		return fmt.Errorf("enroll: want %+v, got %s", want, text)
	}
	return nil
}

// deployAgain shows that a deployment without changes changes nothing.
func (d *deployment) deployAgain(ctx context.Context) (string, error) {
	text, err := d.cdkDeploy(ctx, "deploy-again")
	if err != nil {
		return "", err
	}
	if !strings.Contains(text, stack+" (no changes)") {
		return "", errors.New("the stack changed:\n" + tail(text))
	}
	return "no changes", nil
}

// deployChange changes the URL from which the authorizer fetches its keys.
func (d *deployment) deployChange(ctx context.Context) (string, error) {
	d.keys.path = "/moved"
	if _, err := d.cdkDeploy(ctx, "deploy-change"); err != nil {
		return "", err
	}
	changed, err := d.emulator.snapshot(ctx)
	if err != nil {
		return "", err
	}
	if !maps.Equal(changed.physical, d.stack.physical) {
		return "", errors.New("resources were replaced")
	}
	if _, err := changed.check(ctx); err != nil {
		return "", err
	}
	text, err := d.request(ctx, http.StatusOK, http.MethodGet, d.journey.path, "")
	switch {
	case err != nil:
		return "", err
	case !d.keys.requested():
		return "", errors.New("the authorizer does not use the new URL of the keys")
	case text != d.journey.text:
		return "", fmt.Errorf("the journey was %s and is %s", d.journey.text, text)
	}
	return "the authorizer uses another URL, no resource was replaced; the journey and its customer are kept", d.enroll(ctx, "a", counts{Skipped: 1})
}

// destroy destroys the stack and shows that none of its resources is left.
func (d *deployment) destroy(ctx context.Context) (string, error) {
	_, err := d.cdk(ctx, "destroy", filepath.Join(d.root, "infra"), "destroy", stack, "--app", filepath.Join(d.dir, "cdk.out"), "--force")
	if err != nil {
		return "", err
	}
	if _, err := d.output(ctx, "ApiUrl"); !isNotFoundError(err) {
		return "", errors.Join(errors.New("the stack is still there"), err)
	}
	gone := 0
	for _, r := range d.stack.resources {
		live, err := d.stack.live(ctx, r)
		if isNotFoundError(err) {
			gone++
		} else if err != nil || live != nil {
			return "", errors.Join(fmt.Errorf("%s is still there: %v", r.LogicalID, live), err)
		}
	}
	return fmt.Sprintf("the stack and the %d resources read back are gone", gone), nil
}

func isNotFoundError(err error) bool {
	_, ok := errors.AsType[notFound](err)
	return ok
}

// request makes a call, which must get that status, and returns the answer's
// body.
func (d *deployment) request(ctx context.Context, status int, method, path, body string) (string, error) {
	a, err := d.api.Call(ctx, method, path, []byte(body))
	if err == nil && a.Status != status {
		err = &client.StatusError{Method: method, Path: path, Status: a.Status, Body: a.Body}
	}
	return string(a.Body), err
}

// poll calls check until it returns nil. When ctx ends, it returns the error before that.
func poll(ctx context.Context, check func() error) error {
	for last := error(nil); ; {
		err := check()
		switch {
		case err == nil:
			return nil
		case ctx.Err() == nil:
			last = err
		}
		select {
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), last)
		case <-time.After(200 * time.Millisecond):
		}
	}
}
