package main

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"journeys/internal/manifest"
)

// statement is a policy statement, with its actions and resources as text.
type statement struct {
	effect    string
	actions   []string
	resources []string
	condition string
}

// policies returns the statements by the function that they are attached to, or by
// the logical id of another resource.
func policies(t *testing.T, template stackTemplate) map[string][]statement {
	t.Helper()
	all := map[string][]statement{}
	for id, r := range template.Resources {
		switch r.Type {
		case "AWS::IAM::Policy":
			for _, role := range r.Properties["Roles"].([]any) {
				name := functionOfRole(template, ref(role))
				all[name] = append(all[name], statements(r.Properties["PolicyDocument"])...)
			}
		case "AWS::IAM::Role":
			require.NotContains(t, r.Properties, "ManagedPolicyArns", id)
			require.NotContains(t, r.Properties, "Policies", "these tests do not read inline policies")
		case "AWS::KMS::Key":
			all[id] = statements(r.Properties["KeyPolicy"])
		default:
			if document, ok := r.Properties["PolicyDocument"]; ok {
				all[id] = statements(document)
			}
		}
	}
	return all
}

func functionOfRole(template stackTemplate, role string) string {
	for _, f := range manifest.Functions() {
		if getAtt(template.Resources[f.LogicalID()].Properties["Role"]) == role {
			return f.Name
		}
	}
	return "role " + role
}

func statements(document any) []statement {
	var list []statement
	for _, element := range document.(map[string]any)["Statement"].([]any) {
		s := element.(map[string]any)
		condition := ""
		if s["Condition"] != nil {
			condition = text(s["Condition"])
		}
		list = append(list, statement{s["Effect"].(string), texts(s["Action"]), texts(s["Resource"]), condition})
	}
	return list
}

// texts returns the sorted texts of one value or a list, the two forms in a policy.
func texts(value any) []string {
	several, ok := value.([]any)
	if !ok {
		several = []any{value}
	}
	var all []string
	for _, one := range several {
		all = append(all, text(one))
	}
	slices.Sort(all)
	return all
}

func text(value any) string {
	if s, ok := value.(string); ok {
		return s
	}
	encoded, err := json.Marshal(value)
	if err != nil {
		panic(err) // it was read from JSON
	}
	return string(encoded)
}

const (
	tableARN = `{"Fn::GetAtt":["Table","Arn"]}`
	indexARN = `{"Fn::Join":["",[{"Fn::GetAtt":["Table","Arn"]},"/index/due"]]}`
	keyARN   = `{"Fn::Join":["",["arn:",{"Ref":"AWS::Partition"},":ssm:",{"Ref":"AWS::Region"},":",{"Ref":"AWS::AccountId"},":parameter/journeys/key"]]}`
)

func TestRoles_AllowExactlyWhatTheManifestLists(t *testing.T) {
	for _, template := range synthesized(t) {
		all := policies(t, template)
		for _, f := range manifest.Functions() {
			logs := text(map[string]any{"Fn::GetAtt": []string{
				ref(template.Resources[f.LogicalID()].Properties["LoggingConfig"].(map[string]any)["LogGroup"]), "Arn",
			}})
			want := []statement{
				{"Allow", []string{"logs:CreateLogStream", "logs:PutLogEvents"}, []string{logs}, ""},
				{"Allow", []string{"xray:PutTelemetryRecords", "xray:PutTraceSegments"}, []string{"*"}, ""},
			}
			if f.Stream != nil {
				want = append(want, statement{
					"Allow", []string{"dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"},
					[]string{`{"Fn::GetAtt":["Table","StreamArn"]}`}, "",
				})
			}
			if slices.Contains(f.Env, manifest.EnvKey) {
				want = append(want, statement{"Allow", []string{"ssm:GetParameter"}, []string{keyARN}, ""})
			}
			if len(f.Invokes) > 0 {
				var arns []string
				for _, name := range f.Invokes {
					arns = append(arns, functionARN(template, name))
				}
				want = append(want, statement{"Allow", []string{"lambda:InvokeFunction"}, arns, ""})
			}
			require.ElementsMatch(t, append(want, tableStatements(f)...), all[f.Name], f.Name)
		}
	}
}

// functionARN returns the ARN of a function as the template refers to it.
func functionARN(template stackTemplate, name string) string {
	for _, f := range manifest.Functions() {
		if f.Name == name {
			return text(map[string]any{"Fn::GetAtt": []string{f.LogicalID(), "Arn"}})
		}
	}
	return "no function " + name
}

// Each scheduled function is invoked at its rate, by a role that allows nothing else.
func TestSchedules_MatchTheManifest(t *testing.T) {
	for _, template := range synthesized(t) {
		all := policies(t, template)
		schedules := map[string]string{}
		for _, r := range template.Resources {
			if r.Type != "AWS::Scheduler::Schedule" {
				continue
			}
			target := r.Properties["Target"].(map[string]any)
			arn := text(target["Arn"])
			schedules[arn] = r.Properties["ScheduleExpression"].(string)
			role := getAtt(target["RoleArn"])
			require.Equal(t, []statement{{"Allow", []string{"lambda:InvokeFunction"}, []string{arn}, ""}}, all["role "+role])
			require.Equal(t, "default", r.Properties["GroupName"])
			trust := statements(template.Resources[role].Properties["AssumeRolePolicyDocument"])
			require.Len(t, trust, 1)
			require.JSONEq(t, `{"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}, "aws:SourceArn": {"Fn::Join": ["", ["arn:",
				{"Ref": "AWS::Partition"}, ":scheduler:", {"Ref": "AWS::Region"}, ":", {"Ref": "AWS::AccountId"}, ":schedule-group/default"]]}}}`,
				trust[0].condition)
		}
		want := map[string]string{}
		for _, f := range manifest.Functions() {
			if f.Schedule > 0 {
				want[functionARN(template, f.Name)] = rate(f.Schedule)
			}
		}
		require.Equal(t, want, schedules)
	}
}

func tableStatements(f manifest.Function) []statement {
	if len(f.Actions) == 0 {
		return nil
	}
	var actions []string
	for _, action := range f.Actions {
		actions = append(actions, "dynamodb:"+action)
	}
	slices.Sort(actions)
	resources := []string{tableARN}
	if f.Index {
		resources = append(resources, indexARN)
	}
	return []statement{
		{"Allow", actions, resources, ""},
		{"Deny", []string{"dynamodb:PartiQLSelect"}, []string{tableARN, indexARN}, `{"Bool":{"dynamodb:FullTableScan":"true"}}`},
	}
}

func TestScan_IsAllowedForRollupOnly(t *testing.T) {
	for _, template := range synthesized(t) {
		var scans []string
		for name, list := range policies(t, template) {
			for _, s := range list {
				if slices.Contains(s.actions, "dynamodb:Scan") {
					scans = append(scans, name)
				}
			}
		}
		require.Equal(t, []string{manifest.Rollup.Name}, scans)
	}
}

// wildcards lists the only statements that may contain a *, with the reasons.
var wildcards = map[string]string{
	`Allow xray:PutTelemetryRecords,xray:PutTraceSegments on *`: "X-Ray accepts no resource but *",
	`Allow kms:* on *`:                           "AlarmKey's policy: the owning account administers the key; * is this key",
	`Allow kms:Decrypt,kms:GenerateDataKey on *`: "AlarmKey's policy: CloudWatch alarms of this account publish; * is this key",
}

func TestWildcards_HaveReasons(t *testing.T) {
	stale := maps.Clone(wildcards)
	for stage, template := range synthesized(t) {
		for name, list := range policies(t, template) {
			for _, s := range list {
				line := s.effect + " " + strings.Join(s.actions, ",") + " on " + strings.Join(s.resources, ",")
				if strings.Contains(line, "*") {
					require.Contains(t, wildcards, line, "%s: %s", stage, name)
					delete(stale, line)
				}
			}
		}
	}
	require.Empty(t, stale, "these statements are gone")
}

func TestPermissions_AllowOnlyTheGatewayAndWhatReportsFeedback(t *testing.T) {
	for _, template := range synthesized(t) {
		permissions := template.ofType("AWS::Lambda::Permission")
		require.NotEmpty(t, permissions)
		for id, p := range permissions {
			if function := getAtt(p.Properties["FunctionName"]); function == manifest.Feedback.LogicalID() {
				require.Contains(t, []string{"events.amazonaws.com", "sns.amazonaws.com"}, p.Properties["Principal"], id)
			} else {
				require.Equal(t, "apigateway.amazonaws.com", p.Properties["Principal"], id)
			}
			require.Equal(t, "lambda:InvokeFunction", p.Properties["Action"], id)
			require.Contains(t, p.Properties, "SourceArn", id)
		}
	}
}

// TestRoles_AllowExactlyWhatTheManifestLists covers the case without channels.
func TestChannels_GrantOnlyWhatTheSettingsUse(t *testing.T) {
	values := maps.Clone(goodSettings)
	values[envStage] = devStage
	values[manifest.EnvProviders] = `{"channels": {"email": {"type": "ses", "from": "Shop <news@shop.test>"},
		"sms": {"type": "sns"}, "crm": {"type": "eventbridge", "bus": "crm"},
		"texts": {"type": "end-user-messaging", "originationIdentity": "pool-1", "configurationSet": "texts"},
		"alerts": {"type": "end-user-messaging", "originationIdentity": "arn:aws:sms-voice:eu-west-1:111122223333:sender-id/Shop/GB"},
		"points": {"type": "lambda", "function": "points:live"},
		"hook": {"type": "http", "url": "https://shop.test", "secret": "ssm:/journeys/hook"},
		"other": {"type": "http", "url": "https://shop.test", "secret": "secretsmanager:journeys/other"},
		"*": {"type": "eventbridge", "bus": "arn:aws:events:eu-west-1:111122223333:event-bus/all"}},
		"decisions": {"*": {"type": "lambda", "function": "arn:aws:lambda:eu-west-1:111122223333:function:best"}}}`
	s, err := settingsFrom(values)
	require.NoError(t, err)
	templates, err := synthesize(s, t.TempDir(), nil)
	require.NoError(t, err)
	require.Empty(t, templates[devStage].messages)

	join := func(parts ...any) string { return text(map[string]any{"Fn::Join": []any{"", parts}}) }
	partition, region, account := map[string]any{"Ref": "AWS::Partition"}, map[string]any{"Ref": "AWS::Region"}, map[string]any{"Ref": "AWS::AccountId"}
	want := []statement{
		{
			"Allow", []string{"ses:SendEmail", "ses:SendTemplatedEmail"}, []string{
				join("arn:", partition, ":ses:", region, ":", account, ":configuration-set/Journeys-dev"),
				join("arn:", partition, ":ses:", region, ":", account, ":identity/*"),
				join("arn:", partition, ":ses:", region, ":", account, ":template/*"),
			},
			`{"StringEquals":{"ses:FromAddress":["news@shop.test"]}}`,
		},
		{"Allow", []string{"sns:Publish"}, []string{"*"}, ""},
		{"Deny", []string{"sns:Publish"}, []string{join("arn:", partition, ":sns:*:*:*")}, ""},
		{"Allow", []string{"events:PutEvents"}, []string{
			"arn:aws:events:eu-west-1:111122223333:event-bus/all",
			join("arn:", partition, ":events:", region, ":", account, ":event-bus/crm"),
		}, ""},
		{"Allow", []string{"sms-voice:SendTextMessage"}, []string{
			"arn:aws:sms-voice:eu-west-1:111122223333:sender-id/Shop/GB",
			join("arn:", partition, ":sms-voice:", region, ":", account, ":configuration-set/texts"),
			join("arn:", partition, ":sms-voice:", region, ":", account, ":pool/pool-1"),
		}, ""},
		{"Allow", []string{"lambda:InvokeFunction"}, []string{
			"arn:aws:lambda:eu-west-1:111122223333:function:best",
			join("arn:", partition, ":lambda:", region, ":", account, ":function:points:live"),
		}, ""},
		{"Allow", []string{"ssm:GetParameter"}, []string{join("arn:", partition, ":ssm:", region, ":", account, ":parameter/journeys/hook")}, ""},
		{"Allow", []string{"secretsmanager:GetSecretValue"}, []string{
			join("arn:", partition, ":secretsmanager:", region, ":", account, ":secret:journeys/other-??????"),
		}, ""},
	}
	channels := func(list []statement) []statement {
		return slices.DeleteFunc(list, func(s statement) bool {
			service, _, _ := strings.Cut(s.actions[0], ":")
			return !slices.Contains([]string{"ses", "sns", "events", "sms-voice", "lambda", "ssm", "secretsmanager"}, service)
		})
	}
	notInvoked := func(arn string) bool {
		return arn != functionARN(templates[devStage], manifest.Advance.Name) && arn != functionARN(templates[devStage], manifest.Sweep.Name)
	}
	invokesFlow := func(s statement) bool {
		return slices.Contains(s.resources, "arn:aws:lambda:eu-west-1:111122223333:function:best")
	}
	for name, list := range policies(t, templates[devStage]) {
		if strings.HasPrefix(name, "Texts") { // lets End User Messaging publish
			continue
		}
		if name == manifest.Advance.Name || name == manifest.SendTest.Function.Name {
			want := append(slices.Clone(want), statement{"Allow", []string{"ssm:GetParameter"}, []string{keyARN}, ""})
			if i := slices.IndexFunc(want, invokesFlow); name != manifest.Advance.Name {
				want[i].resources = want[i].resources[1:]
			}
			require.ElementsMatch(t, want, channels(list), name)
			continue
		}
		for _, s := range channels(list) { // the key, those that invoke advance or sweep, and the schedules of others
			if slices.Equal(s.resources, []string{keyARN}) {
				continue
			}
			require.Equal(t, []string{"lambda:InvokeFunction"}, s.actions, name)
			require.True(t, strings.HasPrefix(name, "role ") || !slices.ContainsFunc(s.resources, notInvoked), name)
		}
	}
}
