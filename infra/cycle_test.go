package main

import (
	"regexp"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTemplates_HaveNoCycle(t *testing.T) {
	for _, templates := range []map[string]stackTemplate{synthesized(t), synthesizedCognito(t)} {
		for stage, template := range templates {
			require.Empty(t, cycle(template), stage)
		}
	}
}

// cycle returns the logical ids of resources that depend on each other in a circle, none
// if no circle exists.
func cycle(template stackTemplate) []string {
	done := map[string]bool{}
	var visit func(id string, path []string) []string
	visit = func(id string, path []string) []string {
		if at := slices.Index(path, id); at >= 0 {
			return path[at:]
		}
		if done[id] {
			return nil
		}
		r := template.Resources[id]
		for _, next := range append(references(r.Properties), r.DependsOn...) {
			if _, ok := template.Resources[next]; ok {
				if found := visit(next, append(path, id)); found != nil {
					return found
				}
			}
		}
		done[id] = true
		return nil
	}
	for id := range template.Resources {
		if found := visit(id, nil); found != nil {
			return found
		}
	}
	return nil
}

// substitution matches a reference in the text of Fn::Sub.
var substitution = regexp.MustCompile(`\$\{([A-Za-z0-9]+)[.}]`)

// references returns every logical id in a value: of Ref, Fn::GetAtt and Fn::Sub.
func references(value any) []string {
	switch v := value.(type) {
	case map[string]any:
		var ids []string
		for name, argument := range v {
			switch name {
			case "Ref":
				ids = append(ids, argument.(string))
			case "Fn::GetAtt":
				ids = append(ids, argument.([]any)[0].(string))
			case "Fn::Sub":
				for _, match := range substitution.FindAllStringSubmatch(text(argument), -1) {
					ids = append(ids, match[1])
				}
			default:
				ids = append(ids, references(argument)...)
			}
		}
		return ids
	case []any:
		var ids []string
		for _, element := range v {
			ids = append(ids, references(element)...)
		}
		return ids
	}
	return nil
}
