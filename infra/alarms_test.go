package main

import (
	"cmp"
	"maps"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"journeys/internal/manifest"
)

func TestDev_HasNoAlarms(t *testing.T) {
	dev := synthesized(t)[devStage]
	require.Empty(t, dev.ofType("AWS::CloudWatch::Alarm"))
	require.NotContains(t, text(dev.ofType("AWS::SNS::Topic")), "Alarm")
	require.Empty(t, dev.ofType("AWS::KMS::Key"))
	require.Len(t, dev.ofType("AWS::CloudWatch::Dashboard"), 1)
}

// The functions of routes have no alarms of their own: their failures are 5xx of the
// API. Neither has slowness of the engine: what it leads to has alarms.
func TestAlarms_CoverEveryBackgroundFunctionOfProd(t *testing.T) {
	alarms := synthesized(t)[prodStage].ofType("AWS::CloudWatch::Alarm")
	more := map[string][]string{
		manifest.Authorizer.Name: {"AWS/Lambda Duration"},
		manifest.Tick.Name:       {"AWS/Lambda Invocations"},
		manifest.Count.Name:      {"AWS/Lambda IteratorAge"},
	}
	scheduled := 0
	for _, f := range manifest.Background() {
		var metrics []string
		for _, a := range alarms {
			if watches(a, f.LogicalID()) {
				metrics = append(metrics, a.Properties["Namespace"].(string)+" "+a.Properties["MetricName"].(string))
			}
		}
		want := []string{"AWS/Lambda Errors", "AWS/Lambda Throttles"}
		switch {
		case f.Mail:
			want = []string{"AWS/Lambda AsyncEventsDropped"}
		case f.Schedule > 0:
			want = []string{"AWS/Lambda Errors"} // it has an alarm when it is stale
			scheduled++
		case f.Name == manifest.Sweep.Name:
			want = []string{"AWS/Lambda Errors", "AWS/Lambda AsyncEventsDropped"}
		}
		require.ElementsMatch(t, append(want, more[f.Name]...), metrics, f.Name)
	}
	require.Len(t, alarms, 2*len(manifest.Background())-scheduled-1+len(more)+3+2+6,
		"1 for feedback, 3 alarms for the API and the table, 2 for late customers, 6 for the figures")
}

func TestAlarms_RingWhenCustomersAreLate(t *testing.T) {
	prod := synthesized(t)[prodStage]
	own := map[string]any{"Namespace": "Journeys", "TreatMissingData": "notBreaching", "ComparisonOperator": "GreaterThanOrEqualToThreshold"}
	functions := map[string]int{"AsyncEventsDropped": 2} // sweep and feedback
	for metric, want := range map[string]map[string]any{
		"Invocations": {
			"Namespace": "AWS/Lambda", "Statistic": "Sum", "Period": 60.0, "EvaluationPeriods": 5.0, "Threshold": 1.0,
			"TreatMissingData": "breaching", "ComparisonOperator": "LessThanThreshold",
		},
		"AsyncEventsDropped": {
			"Namespace": "AWS/Lambda", "Statistic": "Sum", "Period": 300.0, "EvaluationPeriods": 1.0, "Threshold": 1.0,
			"TreatMissingData": "notBreaching", "ComparisonOperator": "GreaterThanOrEqualToThreshold",
		},
		"OldestDue":    {"Statistic": "Maximum", "Period": 300.0, "EvaluationPeriods": 1.0, "Threshold": 300.0},
		"ShardsUnread": {"Statistic": "Sum", "Period": 300.0, "EvaluationPeriods": 3.0, "Threshold": 1.0},
	} {
		if want["Namespace"] == nil {
			maps.Copy(want, own)
		}
		found := 0
		for _, a := range prod.ofType("AWS::CloudWatch::Alarm") {
			if a.Properties["MetricName"] != metric {
				continue
			}
			found++
			for name, value := range want {
				require.Equal(t, value, a.Properties[name], "%s of %s", name, metric)
			}
		}
		require.Equal(t, cmp.Or(functions[metric], 1), found, metric)
	}
}

// A long audit is not a stalled one: the alarm watches what a run without progress says.
func TestAlarms_WatchTheProgressOfTheAudit(t *testing.T) {
	prod := synthesized(t)[prodStage]
	found := 0
	for _, a := range prod.ofType("AWS::CloudWatch::Alarm") {
		if a.Properties["MetricName"] == "AuditStalled" {
			require.EqualValues(t, 3600, a.Properties["Period"])
			require.EqualValues(t, 3, a.Properties["EvaluationPeriods"])
			found++
		}
		require.NotEqual(t, "Audits", a.Properties["MetricName"])
	}
	require.Equal(t, 1, found)
}

// watches reports whether the function is the alarm's only dimension.
func watches(alarm resource, function string) bool {
	dimensions, _ := alarm.Properties["Dimensions"].([]any)
	return len(dimensions) == 1 && ref(dimensions[0].(map[string]any)["Value"]) == function
}

func TestAlarms_SendMailWithALinkToTheRunbook(t *testing.T) {
	prod := synthesized(t)[prodStage]
	topics := prod.ofType("AWS::SNS::Topic")
	delete(topics, "Texts")
	require.Len(t, topics, 1)
	for id, a := range prod.ofType("AWS::CloudWatch::Alarm") {
		if strings.Contains(id, "Stale") {
			require.Equal(t, "breaching", a.Properties["TreatMissingData"], id)
			require.Equal(t, "LessThanThreshold", a.Properties["ComparisonOperator"], id)
		} else {
			require.Equal(t, "notBreaching", a.Properties["TreatMissingData"], id)
			require.Equal(t, "GreaterThanOrEqualToThreshold", a.Properties["ComparisonOperator"], id)
		}
		require.Regexp(t, `\. See docs/operations\.md#[a-z0-9-]+$`, a.Properties["AlarmDescription"], id)
		actions := a.Properties["AlarmActions"].([]any)
		require.Len(t, actions, 1, id)
		require.Contains(t, topics, ref(actions[0]), id)
	}
	for _, s := range prod.ofType("AWS::SNS::Subscription") {
		if ref(s.Properties["TopicArn"]) == "Texts" {
			continue
		}
		require.Equal(t, "email", s.Properties["Protocol"])
		require.Equal(t, "alarms@example.com", s.Properties["Endpoint"])
	}
}

// An own policy of the topic or the key replaces the default one, which lets
// CloudWatch publish. Alarms would then be lost silently.
func TestAlarmTopic_AllowsCloudWatch(t *testing.T) {
	prod := synthesized(t)[prodStage]
	for id, topic := range prod.ofType("AWS::SNS::Topic") {
		if id == "Texts" {
			continue
		}
		require.Contains(t, prod.Resources[getAtt(topic.Properties["KmsMasterKeyId"])].Type, "KMS")
	}
	may := map[string]bool{}
	for _, list := range policies(t, prod) {
		for _, s := range list {
			if s.resources[0] == `{"Ref":"Texts"}` {
				continue
			}
			if s.condition == `{"StringEquals":{"aws:SourceAccount":{"Ref":"AWS::AccountId"}}}` {
				for _, action := range s.actions {
					may[action] = s.effect == "Allow"
				}
			}
		}
	}
	require.Equal(t, map[string]bool{"sns:Publish": true, "kms:Decrypt": true, "kms:GenerateDataKey": true}, may)
}

func TestAlarms_LinkToRunbookEntries(t *testing.T) {
	runbook, err := os.ReadFile("../docs/operations.md")
	require.NoError(t, err)
	links := 0
	for _, template := range synthesized(t) {
		for id, r := range template.Resources {
			if r.Type != "AWS::CloudWatch::Alarm" {
				continue
			}
			_, anchor, ok := strings.Cut(r.Properties["AlarmDescription"].(string), "docs/operations.md#")
			require.True(t, ok, id)
			require.Contains(t, string(runbook), "\n## "+anchor+"\n", id)
			links++
		}
	}
	require.Positive(t, links)
}
