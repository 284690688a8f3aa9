package dynamotest

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// Text returns the names, texts and bytes in an item, also those within others, in any
// order. It is for tests of what an item must not say.
func Text(item map[string]types.AttributeValue) string {
	var all strings.Builder
	for name, v := range item {
		all.WriteString(name + "=" + text(v) + " ")
	}
	return all.String()
}

func text(v types.AttributeValue) string {
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		return v.Value
	case *types.AttributeValueMemberB:
		return string(v.Value)
	case *types.AttributeValueMemberM:
		return Text(v.Value)
	case *types.AttributeValueMemberL:
		var all []string
		for _, element := range v.Value {
			all = append(all, text(element))
		}
		return strings.Join(all, " ")
	}
	return fmt.Sprint(v)
}
