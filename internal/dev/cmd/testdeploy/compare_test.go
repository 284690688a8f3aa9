package main

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDifferences_NamesValuesThatTheResourceLacks(t *testing.T) {
	t.Parallel()

	physical := map[string]string{"Table": "T-1", "Role": "R-1"}
	for name, c := range map[string]struct {
		want, found string
		lines       []string
	}{
		"nothing differs":                 {`{"MemorySize":512,"List":["a"]}`, `{"MemorySize":512,"List":["a"],"State":"Active"}`, nil},
		"lower-case first letter":         {`{"RouteKey":"GET /a"}`, `{"routeKey":"GET /a"}`, nil},
		"a number as a string":            {`{"Rate":500}`, `{"Rate":"500"}`, nil},
		"a different value":               {`{"MemorySize":512}`, `{"MemorySize":128}`, []string{"X.MemorySize: want 512, found 128"}},
		"a missing value":                 {`{"Timeout":29}`, `{}`, []string{"X.Timeout: want 29, found <nil>"}},
		"a nested value":                  {`{"A":{"B":1}}`, `{"A":{"B":2}}`, []string{"X.A.B: want 1, found 2"}},
		"a string for an object":          {`{"A":{"B":1}}`, `{"A":"b"}`, []string{"X.A: want map[B:1], found b"}},
		"a different order":               {`{"L":[{"a":1},{"a":2}]}`, `{"L":[{"a":2},{"a":1}]}`, nil},
		"an extra element":                {`{"L":["a"]}`, `{"L":["a","b"]}`, []string{"X.L: want [a], found [a b]"}},
		"a different element":             {`{"L":["a"]}`, `{"L":["b"]}`, []string{"X.L[0]: want a, found [b]"}},
		"a reference":                     {`{"Name":{"Ref":"Table"}}`, `{"Name":"T-1"}`, nil},
		"a reference to another resource": {`{"Name":{"Ref":"Table"}}`, `{"Name":"T-2"}`, []string{"X.Name: want T-1 of Table, found T-2"}},
		"a reference by attribute":        {`{"Role":{"Fn::GetAtt":["Role","Arn"]}}`, `{"Role":"arn:aws:iam::1:role/R-1"}`, nil},
		"a joined reference": {`{"Uri":{"Fn::Join":["",["a/",{"Ref":"AWS::Region"},{"Fn::GetAtt":["Role","Arn"]}]]}}`,
			`{"Uri":"a/eu/R-2"}`, []string{"X.Uri: want R-1 of Role, found a/eu/R-2"}},
		"a missing pseudo parameter": {`{"Where":{"Ref":"AWS::Region"}}`, `{}`, []string{"X.Where: nothing found"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			var want, found any
			require.NoError(t, json.Unmarshal([]byte(c.want), &want))
			require.NoError(t, json.Unmarshal([]byte(c.found), &found))
			require.Equal(t, c.lines, differences("X", want, found, physical))
		})
	}
}
