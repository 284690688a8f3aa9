package main

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/jsii-runtime-go"

	"journeys/internal/manifest"
)

// envKey is the ARN of a KMS key in the stack's account and region that encrypts the
// table, the logs and the alarm topic; optional. Its policy must let CloudWatch Logs
// and CloudWatch alarms use it, see docs/deployment.md.
const envKey = "JOURNEYS_KMS_KEY_ARN"

// keyForm matches the ARN of a key. CloudWatch Logs takes no alias.
var keyForm = regexp.MustCompile(`^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$`)

func checkKey(arn string) error {
	if arn == "" || keyForm.MatchString(arn) {
		return nil
	}
	return fmt.Errorf("%s is %q: want the ARN of a key, not of an alias", envKey, arn)
}

// encryptionKey returns the key of the settings, nil without one.
func (st *stack) encryptionKey() awskms.IKey {
	if st.settings.key == "" {
		return nil
	}
	if st.key == nil {
		st.key = awskms.Key_FromKeyArn(st.scope, jsii.String("Key"), jsii.String(st.settings.key))
	}
	return st.key
}

// encryptTable encrypts the table with the key of the settings. Without one, a key
// that DynamoDB owns does. CDK's own option needs a stack with a fixed region.
func (st *stack) encryptTable(table awsdynamodb.TableV2) {
	if st.settings.key == "" {
		return
	}
	resource := table.Node().DefaultChild().(awsdynamodb.CfnGlobalTable)
	resource.SetSseSpecification(&awsdynamodb.CfnGlobalTable_SSESpecificationProperty{
		SseEnabled: jsii.Bool(true), SseType: jsii.String("KMS"),
	})
	resource.AddPropertyOverride(jsii.String("Replicas.0.SSESpecification"), map[string]any{"KMSMasterKeyId": st.settings.key})
}

// The actions on the key that DynamoDB needs from the callers of a table.
var (
	keyActions      = []string{"kms:Decrypt", "kms:DescribeKey"}
	keyWriteActions = []string{"kms:Encrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom", "kms:ReEncryptTo"}
)

// allowKey lets a function that uses the table or its stream use the key, through
// DynamoDB only.
func (st *stack) allowKey(role awsiam.Role, f manifest.Function) {
	if st.settings.key == "" || len(f.Actions) == 0 && f.Stream == nil {
		return
	}
	actions := keyActions
	if slices.ContainsFunc(f.Actions, writes) {
		actions = slices.Concat(keyActions, keyWriteActions)
	}
	role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions: jsii.Strings(actions...), Resources: jsii.Strings(st.settings.key),
		Conditions: &map[string]any{"StringEquals": map[string]any{"kms:ViaService": "dynamodb." + *st.scope.Region() + ".amazonaws.com"}},
	}))
}

// writes reports whether an action on the table changes it.
func writes(action string) bool {
	return !slices.Contains([]string{"BatchGetItem", "ConditionCheckItem", "GetItem", "PartiQLSelect", "Query", "Scan"}, action)
}
