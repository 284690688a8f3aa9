package agree

import (
	"slices"
	"strings"
)

// table has the fields that AWS::DynamoDB::Table and AWS::DynamoDB::GlobalTable
// share.
type table struct {
	KeySchema               []key
	AttributeDefinitions    []attribute
	GlobalSecondaryIndexes  []index
	TimeToLiveSpecification struct {
		AttributeName string
		Enabled       bool
	}
	StreamSpecification struct{ StreamViewType string }
}

type key struct{ AttributeName, KeyType string }

type attribute struct{ AttributeName, AttributeType string }

type index struct {
	IndexName  string
	KeySchema  []key
	Projection struct{ ProjectionType string }
}

func (t table) aspects() Aspects {
	indexes := make([]string, len(t.GlobalSecondaryIndexes))
	for i, index := range t.GlobalSecondaryIndexes {
		indexes[i] = index.IndexName + " (" + t.keys(index.KeySchema) + ") " + index.Projection.ProjectionType
	}
	ttl := ""
	if t.TimeToLiveSpecification.Enabled {
		ttl = t.TimeToLiveSpecification.AttributeName
	}
	return Aspects{
		"keys":    t.keys(t.KeySchema),
		"indexes": sortedList(indexes),
		"ttl":     ttl,
		"stream":  t.StreamSpecification.StreamViewType,
	}
}

// keys formats a key schema with its attributes' types: "PK S HASH, SK S RANGE".
func (t table) keys(schema []key) string {
	parts := make([]string, len(schema))
	for i, k := range schema {
		parts[i] = k.AttributeName + " " + t.attributeType(k.AttributeName) + " " + k.KeyType
	}
	return strings.Join(parts, ", ")
}

// attributeType returns "?" for an attribute without a definition.
func (t table) attributeType(name string) string {
	for _, a := range t.AttributeDefinitions {
		if a.AttributeName == name {
			return a.AttributeType
		}
	}
	return "?"
}

// sortedList joins words in order, with commas.
func sortedList(words []string) string {
	return strings.Join(slices.Sorted(slices.Values(words)), ", ")
}
