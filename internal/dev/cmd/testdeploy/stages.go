package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"journeys/internal/dev/issuer"
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
	// Outside of infra/ it does not synthesize the app first.
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
	d.door, err = openDoor(ctx, api, d.emulator)
	return api, err
}

func (d *deployment) readBack(ctx context.Context) (string, error) {
	read, err := d.stack.check(ctx)
	return fmt.Sprintf("%d resources; %d that were read back are as in the template, and that is as the manifest",
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
		"-skip", "^TestLocal", "-url", d.door.url(), "-issuer", d.dir, "-gateway", "ministack", "-v")
	if err != nil {
		return "", err
	}
	match := answered.FindStringSubmatch(text)
	if match == nil {
		return "", errors.New("the end-to-end tests did not say how many calls they made")
	}
	d.calls, err = strconv.Atoi(match[1])
	tests := strings.Count(text, "\n--- PASS: ")
	return fmt.Sprintf("%d end-to-end tests, %d calls", tests, d.calls), err
}

// kept is a journey that is there before the stack is changed.
type kept struct{ path, text string }

const graph = `{"nodes":[{"id":"in","type":"entry_trigger"},{"id":"out","type":"exit"}],"edges":[{"source":"in","target":"out"}]}`

// keep makes the journey that is to be kept, and takes customers for it.
func (d *deployment) keep(ctx context.Context) error {
	made, err := d.request(ctx, http.StatusCreated, http.MethodPost, "/journeys", `{"name":"Kept","definition":`+graph+`}`)
	if err != nil {
		return err
	}
	var journey struct{ ID string }
	if err := json.Unmarshal([]byte(made), &journey); err != nil {
		return err
	}
	d.journey.path = "/journeys/" + journey.ID
	d.journey.text, err = d.request(ctx, http.StatusOK, http.MethodPut, d.journey.path, `{"status":"active"}`)
	return err
}

// takeRightAway shows that IAM judges what functions do: with one action
// denied to its role, enroll fails, and works again when that is given back.
// The journey has one customer then.
func (d *deployment) takeRightAway(ctx context.Context) (string, error) {
	const right, policy = "dynamodb:PartiQLInsert", "taken"
	if err := d.keep(ctx); err != nil {
		return "", err
	}
	role, err := d.stack.first("AWS::IAM::Role", manifest.EnrollCustomers.Function.LogicalID()+"Role")
	if err != nil {
		return "", err
	}
	err = d.emulator.query(ctx, "iam", "PutRolePolicy", nil, "RoleName", role, "PolicyName", policy, "PolicyDocument",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"`+right+`","Resource":"*"}]}`)
	if err != nil {
		return "", err
	}
	if err := d.enroll(ctx, counts{Errors: 1}); err != nil {
		return "", fmt.Errorf("without %s: %w", right, err)
	}
	err = d.emulator.query(ctx, "iam", "DeleteRolePolicy", nil, "RoleName", role, "PolicyName", policy)
	if err != nil {
		return "", err
	}
	return right + " denied: nobody is enrolled; given back: it works", d.enroll(ctx, counts{Enrolled: 1})
}

// counts are what enroll answers.
type counts struct{ Enrolled, Skipped, Errors int }

// enroll enrolls the one customer of the kept journey.
func (d *deployment) enroll(ctx context.Context, want counts) error {
	text, err := d.request(ctx, http.StatusCreated, http.MethodPost, d.journey.path+"/enroll", `{"customerId":"a"}`)
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

// deployAgain shows that the same sources make the same stack.
func (d *deployment) deployAgain(ctx context.Context) (string, error) {
	text, err := d.cdkDeploy(ctx, "deploy-again")
	if err != nil {
		return "", err
	}
	if !strings.Contains(text, stack+" (no changes)") {
		return "", errors.New("something changed:\n" + tail(text))
	}
	return "no changes", nil
}

// deployChange tells the authorizer another address of the keys.
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
	case !d.keys.asked():
		return "", errors.New("the authorizer does not use the address that it was told")
	case text != d.journey.text:
		return "", fmt.Errorf("the journey was %s and is %s", d.journey.text, text)
	}
	return "the authorizer reads its keys elsewhere, in place; the journey and its customer are kept", d.enroll(ctx, counts{Skipped: 1})
}

// destroy shows that nothing is left of the stack.
func (d *deployment) destroy(ctx context.Context) (string, error) {
	_, err := d.cdk(ctx, "destroy", filepath.Join(d.root, "infra"), "destroy", stack, "--app", filepath.Join(d.dir, "cdk.out"), "--force")
	if err != nil {
		return "", err
	}
	if _, err := d.output(ctx, "ApiUrl"); !isGone(err) {
		return "", errors.Join(errors.New("the stack is still there"), err)
	}
	gone := 0
	for _, r := range d.stack.resources {
		live, err := d.stack.live(ctx, r)
		if isGone(err) {
			gone++
		} else if err != nil || live != nil {
			return "", errors.Join(fmt.Errorf("%s is still there: %v", r.LogicalID, live), err)
		}
	}
	return fmt.Sprintf("the stack is gone, and so are the %d resources that were read back", gone), nil
}

func isGone(err error) bool {
	_, gone := errors.AsType[notFound](err)
	return gone
}

// request makes a call as an admin, with a new token each time, and returns
// the answer's text.
func (d *deployment) request(ctx context.Context, status int, method, path, body string) (string, error) {
	token, err := d.issuer.Token("kept", manifest.Admin, time.Now())
	if err != nil {
		return "", err
	}
	r, err := http.NewRequestWithContext(ctx, method, d.door.url()+manifest.BasePath+path, bytes.NewReader([]byte(body)))
	if err != nil {
		return "", err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != status {
		err = fmt.Errorf("%s %s: want %d, got %d: %s", method, path, status, response.StatusCode, text)
	}
	return string(text), err
}
