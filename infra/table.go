package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/jsii-runtime-go"

	"journeys/internal/manifest"
)

// addTable adds the stack's own table. If a restored table replaces it, it stays as
// it is, and nothing uses it.
func (st *stack) addTable() {
	maxRead, maxWrite := st.settings.capacity.units()
	own := awsdynamodb.NewTableV2(st.scope, jsii.String("Table"), &awsdynamodb.TablePropsV2{
		PartitionKey: attribute(manifest.PartitionKey, awsdynamodb.AttributeType_STRING),
		SortKey:      attribute(manifest.SortKey, awsdynamodb.AttributeType_STRING),
		GlobalSecondaryIndexes: &[]*awsdynamodb.GlobalSecondaryIndexPropsV2{{
			IndexName:      jsii.String(manifest.DueIndex),
			PartitionKey:   attribute(manifest.DuePartitionKey, awsdynamodb.AttributeType_STRING),
			SortKey:        attribute(manifest.DueSortKey, awsdynamodb.AttributeType_NUMBER),
			ProjectionType: awsdynamodb.ProjectionType(manifest.IndexProjection),

			MaxReadRequestUnits: maxRead, MaxWriteRequestUnits: maxWrite,
		}},
		Billing: awsdynamodb.Billing_OnDemand(&awsdynamodb.MaxThroughputProps{
			MaxReadRequestUnits: maxRead, MaxWriteRequestUnits: maxWrite,
		}),
		TimeToLiveAttribute: jsii.String(manifest.TTL),
		DynamoStream:        awsdynamodb.StreamViewType(manifest.StreamView),
		PointInTimeRecoverySpecification: &awsdynamodb.PointInTimeRecoverySpecification{
			PointInTimeRecoveryEnabled: jsii.Bool(true),
		},
		DeletionProtection: jsii.Bool(st.prod),
		RemovalPolicy:      st.removal(),
	})
	setLogicalID(own, "Table")
	st.encryptTable(own)
	st.table = own
	if stream := st.settings.tableStream; stream != "" {
		st.table = awsdynamodb.TableV2_FromTableAttributes(st.scope, jsii.String("RestoredTable"), &awsdynamodb.TableAttributesV2{
			TableArn:       jsii.String(streamForm.FindStringSubmatch(stream)[1]),
			TableStreamArn: jsii.String(stream),
		})
	}
	st.output("TableName", st.table.TableName(), "The name of the table")
}

func attribute(name string, kind awsdynamodb.AttributeType) *awsdynamodb.Attribute {
	return &awsdynamodb.Attribute{Name: jsii.String(name), Type: kind}
}
