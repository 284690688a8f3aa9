package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"journeys/internal/manifest"
)

// makeKey runs what `make deploy` runs before the CDK, twice.
func (d *deployment) makeKey(ctx context.Context) (string, error) {
	command := filepath.Join(d.dir, "key")
	if _, err := d.command(ctx, "build-key", d.root, os.Environ(), "go", "build", "-o", command, "./internal/dev/cmd/key"); err != nil {
		return "", err
	}
	for _, run := range []struct{ name, want string }{{"make-key", "made"}, {"make-key-again", "is there"}} {
		text, err := d.command(ctx, run.name, d.root, awsEnvironment(d.emulator.url, d.dir), command)
		if err != nil {
			return "", err
		}
		if !strings.Contains(text, run.want) {
			return "", fmt.Errorf("%s printed %q, not that the key %s", run.name, text, run.want)
		}
	}
	return manifest.DefaultKey + ", made once", nil
}

// mailChannel is a channel of SES that names no configuration set.
const mailChannel = `"mail":{"type":"ses","from":"news@shop.test"}`

// hearFeedback looks for what the stack with mailChannel needs to hear what becomes of
// mail, and sends the function an event about a message that is not there.
func (d *deployment) hearFeedback(ctx context.Context) (string, error) {
	set, err := d.emulator.get(ctx, "ses", "/v2/email/configuration-sets/"+stack+"/event-destinations")
	if err != nil {
		return "", err
	}
	if text := fmt.Sprint(set); !strings.Contains(text, ":event-bus/default") || !strings.Contains(strings.ToLower(text), "complaint") {
		return "", fmt.Errorf("the configuration set reports nothing: %s", text)
	}
	deployed, err := d.emulator.snapshot(ctx)
	if err != nil {
		return "", err
	}
	rules, function := 0, ""
	for _, r := range deployed.resources {
		switch {
		case r.Type == "AWS::Events::Rule":
			rules++
		case r.LogicalID == manifest.Feedback.LogicalID():
			function = r.PhysicalID
		}
	}
	event, err := os.ReadFile(filepath.Join(d.root, "events", manifest.Feedback.Name+".json"))
	if err != nil {
		return "", err
	}
	answer, err := d.emulator.call(ctx, "lambda", http.MethodPost, "/2015-03-31/functions/"+function+"/invocations", "", event)
	switch {
	case err != nil:
		return "", err
	case rules != 1:
		return "", fmt.Errorf("the stack has %d rules", rules)
	case strings.Contains(string(answer), "errorMessage"):
		return "", errors.New("feedback failed: " + string(answer))
	}
	return "a configuration set reports to the default event bus, a rule and a function take its events", nil
}
