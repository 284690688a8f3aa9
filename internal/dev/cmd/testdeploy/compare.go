package main

import (
	"fmt"
	"slices"
	"strings"
)

// differences returns a line for each value of a template that its resource does
// not have: "GetJourney.MemorySize: want 512, found 128". Values that only the
// resource has are no difference. A value that refers to other resources must
// contain their physical ids.
func differences(at string, want, found any, physical map[string]string) []string {
	switch w := want.(type) {
	case map[string]any:
		if ids := references(w); ids != nil {
			return missingReferences(at, ids, found, physical)
		}
		return objectDifferences(at, w, found, physical)
	case []any:
		return listDifferences(at, w, found, physical)
	}
	if fmt.Sprint(want) != fmt.Sprint(found) {
		return []string{fmt.Sprintf("%s: want %v, found %v", at, want, found)}
	}
	return nil
}

func objectDifferences(at string, want map[string]any, found any, physical map[string]string) []string {
	object, ok := found.(map[string]any)
	if !ok {
		return []string{fmt.Sprintf("%s: want %v, found %v", at, want, found)}
	}
	var lines []string
	for name, value := range want {
		lines = append(lines, differences(at+"."+name, value, field(object, name), physical)...)
	}
	return lines
}

// field returns the value of a name, which some services write with a lower-case
// first letter.
func field(object map[string]any, name string) any {
	if value, ok := object[name]; ok {
		return value
	}
	return object[strings.ToLower(name[:1])+name[1:]]
}

// listDifferences compares two lists without regard to order.
func listDifferences(at string, want []any, found any, physical map[string]string) []string {
	list, ok := found.([]any)
	if !ok || len(list) != len(want) {
		return []string{fmt.Sprintf("%s: want %v, found %v", at, want, found)}
	}
	var lines []string
	for i, wanted := range want {
		contains := slices.ContainsFunc(list, func(element any) bool {
			return len(differences("", wanted, element, physical)) == 0
		})
		if !contains {
			lines = append(lines, fmt.Sprintf("%s[%d]: want %v, found %v", at, i, wanted, found))
		}
	}
	return lines
}

// references returns the logical ids that a CloudFormation function refers to,
// and nil for any other value.
func references(value map[string]any) []string {
	if len(value) != 1 {
		return nil
	}
	for name, argument := range value {
		switch {
		case name == "Ref":
			return []string{fmt.Sprint(argument)}
		case name == "Fn::GetAtt":
			return []string{fmt.Sprint(argument.([]any)[0])}
		case strings.HasPrefix(name, "Fn::"):
			return nested(argument)
		}
	}
	return nil
}

// nested returns the logical ids that a function's argument refers to, never nil.
func nested(value any) []string {
	ids := []string{}
	switch v := value.(type) {
	case map[string]any:
		ids = append(ids, references(v)...)
	case []any:
		for _, element := range v {
			ids = append(ids, nested(element)...)
		}
	}
	return ids
}

// missingReferences returns a line for each resource whose physical id is not in
// what was found. References to pseudo parameters such as the region are
// ignored.
func missingReferences(at string, ids []string, found any, physical map[string]string) []string {
	var lines []string
	if found == nil {
		lines = append(lines, at+": nothing found")
	}
	for _, id := range ids {
		if name := physical[id]; !strings.Contains(fmt.Sprint(found), name) {
			lines = append(lines, fmt.Sprintf("%s: want %s of %s, found %v", at, name, id, found))
		}
	}
	return lines
}
