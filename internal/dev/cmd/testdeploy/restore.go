package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"journeys/internal/manifest"
)

const restored = "Journeys-restored"

// restore follows docs/operations.md, section restore: it pauses the stack, copies
// the table, changes the original, makes the copy what the stack's table is, and lets
// the stack use it. The API then answers as of the copy.
func (d *deployment) restore(ctx context.Context) (string, error) {
	to := time.Now().UTC()
	d.settings = []string{manifest.EnvPaused + "=true"}
	if _, err := d.cdkDeploy(ctx, "restore-pause"); err != nil {
		return "", err
	}
	own, err := d.stack.first("AWS::DynamoDB::GlobalTable", "Table")
	if err != nil {
		return "", err
	}
	stream, err := d.emulator.restoreTable(ctx, own)
	if err != nil {
		return "", err
	}
	if _, err = d.request(ctx, http.StatusOK, http.MethodPut, d.journey.path, `{"name":"Lost"}`); err != nil {
		return "", err
	}
	stopped := time.Now().UTC()
	d.settings = []string{
		"JOURNEYS_TABLE_STREAM=" + stream,
		manifest.EnvRestored + "=" + to.Format(time.RFC3339) + "/" + stopped.Format(time.RFC3339) + "/" + stopped.Format(time.RFC3339),
	}
	if _, err := d.cdkDeploy(ctx, "restore"); err != nil {
		return "", err
	}
	text, err := d.request(ctx, http.StatusOK, http.MethodGet, d.journey.path, "")
	switch {
	case err != nil:
		return "", err
	case text != d.journey.text:
		return "", fmt.Errorf("the journey was %s and is %s", d.journey.text, text)
	}
	if _, err := d.emulator.table(ctx, own); err != nil {
		return "", fmt.Errorf("the stack's own table: %w", err)
	}
	err = errors.Join(d.enroll(ctx, "a", counts{Skipped: 1}), d.enroll(ctx, "b", counts{Enrolled: 1}), d.emulator.checkMapping(ctx, stream))
	if err != nil {
		return "", err
	}
	return "the functions use the copy and its stream; the journey, its customer and its figures are as of the copy, the stack's own table is kept",
		d.waitTotal(ctx, 2)
}

// waitTotal waits until the journey's figures have that many customers.
func (d *deployment) waitTotal(ctx context.Context, want int) error {
	ctx, cancel := context.WithTimeoutCause(ctx, time.Minute, errors.New("the figures took longer than a minute"))
	defer cancel()
	return poll(ctx, func() error {
		text, err := d.request(ctx, http.StatusOK, http.MethodGet, d.journey.path+"/analytics", "")
		if err != nil {
			return err
		}
		var figures struct{ Enrollments struct{ Total int } }
		if err := json.Unmarshal([]byte(text), &figures); err != nil {
			return err
		}
		if figures.Enrollments.Total != want {
			return fmt.Errorf("want %d customers, the figures are %s", want, text)
		}
		return nil
	})
}

// checkMapping checks that count gets the records of that stream only.
func (e *emulator) checkMapping(ctx context.Context, stream string) error {
	list, err := e.get(ctx, "lambda", "/2015-03-31/event-source-mappings/")
	if err != nil {
		return err
	}
	mappings, _ := list["EventSourceMappings"].([]any)
	if len(mappings) != 1 || field(mappings[0].(map[string]any), "EventSourceArn") != stream {
		return fmt.Errorf("want a mapping of %s, found %v", stream, mappings)
	}
	return nil
}

// restoreTable copies a table as it is now. It gives the copy what a restore does not
// copy, and returns the ARN of its stream.
func (e *emulator) restoreTable(ctx context.Context, source string) (stream string, err error) {
	for _, step := range []struct {
		action string
		input  map[string]any
	}{
		{"RestoreTableToPointInTime", map[string]any{"SourceTableName": source, "TargetTableName": restored, "UseLatestRestorableTime": true}},
		{"UpdateTable", map[string]any{"TableName": restored, "StreamSpecification": map[string]any{
			"StreamEnabled": true, "StreamViewType": manifest.StreamView,
		}}},
		{"UpdateTimeToLive", map[string]any{"TableName": restored, "TimeToLiveSpecification": map[string]any{
			"Enabled": true, "AttributeName": manifest.TTL,
		}}},
		{"UpdateContinuousBackups", map[string]any{"TableName": restored, "PointInTimeRecoverySpecification": map[string]any{
			"PointInTimeRecoveryEnabled": true,
		}}},
	} {
		if _, err := e.post(ctx, "dynamodb", "DynamoDB_20120810."+step.action, step.input); err != nil {
			return "", err
		}
	}
	described, err := e.post(ctx, "dynamodb", "DynamoDB_20120810.DescribeTable", map[string]string{"TableName": restored})
	if err != nil {
		return "", err
	}
	table, _ := described["Table"].(map[string]any)
	stream, ok := table["LatestStreamArn"].(string)
	if !ok {
		return "", errors.New("the copy has no stream")
	}
	return stream, nil
}
