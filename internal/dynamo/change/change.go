// Package change words the change of an item's attributes, as an update expression and
// in PartiQL. Attributes that the new item does not have are removed.
package change

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// Expression returns the update expression that gives an item the attributes called
// names of it, at least one of which it has and one of which it has not. Placeholders are
// the names with # and : in front.
func Expression(names []string, it map[string]types.AttributeValue) (
	text string, aliases map[string]string, values map[string]types.AttributeValue,
) {
	aliases, values = map[string]string{}, map[string]types.AttributeValue{}
	var set, remove []string
	for _, name := range names {
		aliases["#"+name] = name
		if value, ok := it[name]; ok {
			set, values[":"+name] = append(set, "#"+name+" = :"+name), value
		} else {
			remove = append(remove, "#"+name)
		}
	}
	return "SET " + strings.Join(set, ", ") + " REMOVE " + strings.Join(remove, ", "), aliases, values
}

// Statement returns the same change as the clauses of a PartiQL UPDATE, each with a space
// in front, and the parameters of them.
func Statement(names []string, it map[string]types.AttributeValue) (text string, parameters []types.AttributeValue) {
	var clauses strings.Builder
	for _, name := range names {
		if value, ok := it[name]; ok {
			clauses.WriteString(` SET "` + name + `"=?`)
			parameters = append(parameters, value)
		} else {
			clauses.WriteString(` REMOVE "` + name + `"`)
		}
	}
	return clauses.String(), parameters
}
