package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/jsii-runtime-go"

	"journeys/internal/manifest"
)

func (st *stack) addTable() {
	st.table = awsdynamodb.NewTableV2(st.scope, jsii.String("Table"), &awsdynamodb.TablePropsV2{
		PartitionKey: attribute(manifest.PartitionKey, awsdynamodb.AttributeType_STRING),
		SortKey:      attribute(manifest.SortKey, awsdynamodb.AttributeType_STRING),
		GlobalSecondaryIndexes: &[]*awsdynamodb.GlobalSecondaryIndexPropsV2{{
			IndexName:      jsii.String(manifest.DueIndex),
			PartitionKey:   attribute(manifest.DuePartitionKey, awsdynamodb.AttributeType_STRING),
			SortKey:        attribute(manifest.DueSortKey, awsdynamodb.AttributeType_NUMBER),
			ProjectionType: awsdynamodb.ProjectionType(manifest.IndexProjection),
		}},
		Billing:             awsdynamodb.Billing_OnDemand(nil),
		TimeToLiveAttribute: jsii.String(manifest.TTL),
		DynamoStream:        awsdynamodb.StreamViewType(manifest.StreamView),
		PointInTimeRecoverySpecification: &awsdynamodb.PointInTimeRecoverySpecification{
			PointInTimeRecoveryEnabled: jsii.Bool(true),
		},
		DeletionProtection: jsii.Bool(st.prod),
		RemovalPolicy:      st.removal(),
	})
	setLogicalID(st.table, "Table")
	st.output("TableName", st.table.TableName(), "The name of the table")
}

func attribute(name string, kind awsdynamodb.AttributeType) *awsdynamodb.Attribute {
	return &awsdynamodb.Attribute{Name: jsii.String(name), Type: kind}
}
