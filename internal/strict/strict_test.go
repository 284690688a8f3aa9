package strict_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"journeys/internal/strict"
)

func TestParse_RejectsLaxJSON(t *testing.T) {
	t.Parallel()

	deep := strings.Repeat(`{"a":`, 10_001) + "1" + strings.Repeat("}", 10_001)
	tests := []struct {
		name, body, pointer, detail string
	}{
		{"an empty body", "", "", "the body is empty; it must be one JSON value"},
		{"only white space", " \r\n\t", "", "the body is empty; it must be one JSON value"},
		{"a duplicate name", `{"a":{"b":1,"b":2}}`, "/a/b", "duplicate name in the object"},
		{"a duplicate name, once escaped", `{"ab":1,"\u0061b":2}`, "/ab", "duplicate name in the object"},
		{"invalid UTF-8 in a value", "{\"a\":\"\xff\"}", "/a", "invalid UTF-8 at byte 6"},
		{"invalid UTF-8 in a name", "{\"\xc3\":1}", "", "invalid UTF-8 at byte 2"},
		{"a lone surrogate", `{"a":"\ud800"}`, "/a", "a lone surrogate at byte 6"},
		{"surrogates in the wrong order", `{"a":"\udc00\ud800"}`, "/a", "a lone surrogate at byte 6"},
		{"a second value", `{} {}`, "", "something follows the JSON value at byte 3"},
		{"a trailing bracket", `{}}`, "", "something follows the JSON value at byte 2"},
		{"a truncated body", `{"a":[1,`, "", "the JSON text ends too early"},
		{"a body truncated inside a string", `{"a":"b`, "", "the JSON text ends too early"},
		{"an opening bracket alone", `[`, "", "the JSON text ends too early"},
		{"a trailing comma", `{"a":[1,]}`, "/a", "malformed JSON at byte 7"},
		{"a leading zero", `{"a":[01]}`, "/a", "malformed JSON at byte 7"},
		{"NaN", `{"a":NaN}`, "/a", "malformed JSON at byte 5"},
		{"a comment", `{/**/}`, "", "malformed JSON at byte 1"},
		{"single quotes", `{'a':1}`, "", "malformed JSON at byte 1"},
		{"a byte order mark", "\ufeff{}", "", "begins with a byte order mark; send UTF-8 without one"},
		{"a byte order mark alone", "\ufeff", "", "begins with a byte order mark; send UTF-8 without one"},
		{"a byte order mark inside", "{\ufeff}", "", "malformed JSON at byte 1"},
		{"UTF-16, little-endian", "{\x00}\x00", "", "is in UTF-16 or UTF-32; send UTF-8"},
		{"UTF-16, big-endian", "\x00{\x00}", "", "is in UTF-16 or UTF-32; send UTF-8"},
		{"UTF-16 with a byte order mark, little-endian", "\xff\xfe{\x00}\x00", "", "is in UTF-16 or UTF-32; send UTF-8"},
		{"UTF-16 with a byte order mark, big-endian", "\xfe\xff\x00{\x00}", "", "is in UTF-16 or UTF-32; send UTF-8"},
		{"UTF-16 whose byte order mark was replaced", "\ufffd\ufffd{\x00}\x00", "", "is in UTF-16 or UTF-32; send UTF-8"},
		{"UTF-32 with a byte order mark", "\xff\xfe\x00\x00{\x00\x00\x00}\x00\x00\x00", "", "is in UTF-16 or UTF-32; send UTF-8"},
		{"a zero byte", "\x00", "", "malformed JSON at byte 0"},
		{"a zero byte inside", "{\"\x00\":1}", "", "malformed JSON at byte 2"},
		{"Latin-1", "\xffa", "", "malformed JSON at byte 0"},
		{"leading Unicode white space", "\u00a0{}", "", "malformed JSON at byte 0"},
		{"trailing Unicode white space", "{}\u00a0", "", "something follows the JSON value at byte 2"},
		{"a name like another fault", `{"UTF-8":tru}`, "/UTF-8", "malformed JSON at byte 12"},
		{"a fault after white space", "\n\n  [x]", "/0", "malformed JSON at byte 5"},
		{"objects nested 10,001 deep", deep, "", "nested too deep at byte 50000"},
		{"arrays nested 10,001 deep", strings.Repeat("[", 10_001), "", "nested too deep at byte 10000"},
		{"a million brackets", strings.Repeat("[", 1_000_000), "", "nested too deep at byte 10000"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()

			var faults strict.Faults
			_, ok := strict.Parse([]byte(tt.body), &faults)
			require.False(t, ok)
			require.Equal(t, []strict.Fault{{Pointer: tt.pointer, Detail: tt.detail}}, faults.List())
		})
	}
}

func TestParse_AcceptsValidJSON(t *testing.T) {
	t.Parallel()

	tests := []struct{ name, body, raw string }{
		{"an object between white space", " \n{\"a\" : 1}\t\r\n", `{"a" : 1}`},
		{"a string", `"x"`, `"x"`},
		{"a number at the end", `1e308`, `1e308`},
		{"null", `null`, `null`},
		{"a surrogate pair", `"\ud83d\ude00"`, `"\ud83d\ude00"`},
		{"the same name in two objects", `[{"a":1},{"a":1}]`, `[{"a":1},{"a":1}]`},
		{"names that differ in case", `{"a":1,"A":2}`, `{"a":1,"A":2}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()

			var faults strict.Faults
			v, ok := strict.Parse([]byte(tt.body), &faults)
			require.True(t, ok)
			require.Equal(t, tt.raw, string(v.Raw()))
			require.Empty(t, v.Pointer())
			require.True(t, faults.Empty())
			require.Nil(t, faults.List())
		})
	}
}

func TestParse_AcceptsTenThousandLevels(t *testing.T) {
	t.Parallel()

	const levels = 10_000
	var faults strict.Faults
	v, ok := strict.Parse([]byte(strings.Repeat("[", levels)+strings.Repeat("]", levels)), &faults)
	require.True(t, ok)
	list, ok := v.List()
	require.True(t, ok)
	require.Len(t, list, 1)
	require.Len(t, list[0].Raw(), 2*levels-2)
}

func TestValue_ReadersDescribeExpectedValue(t *testing.T) {
	t.Parallel()

	text := func(shortest, longest int) func(strict.Value) (any, bool) {
		return func(v strict.Value) (any, bool) { return v.Text(shortest, longest) }
	}
	whole := func(v strict.Value) (any, bool) { return v.Int(1, 365) }
	fraction := func(v strict.Value) (any, bool) { return v.Float(0, 8760) }
	choice := func(v strict.Value) (any, bool) { return v.OneOf("minutes", "hours") }
	boolean := func(v strict.Value) (any, bool) { return v.Bool() }
	tests := []struct {
		name, json string
		read       func(strict.Value) (any, bool)
		want       any // if there is no fault
		fault      string
	}{
		{"text is unescaped", `"a\u00e9\n"`, text(1, 3), "aé\n", ""},
		{"text counts characters, not bytes", `"éééé"`, text(1, 4), "éééé", ""},
		{"text too long", `"ééééé"`, text(1, 4), nil, "must have 1 to 4 characters, has 5"},
		{"empty text", `""`, text(1, 4), nil, "must not be empty"},
		{"text too short", `"a"`, text(2, 4), nil, "must have 2 to 4 characters, has 1"},
		{"empty text, allowed", `""`, text(0, 4), "", ""},
		{"a number is no text", `1`, text(1, 4), nil, "must be a string"},
		{"null is no text", `null`, text(1, 4), nil, "must be a string"},
		{"a whole number", `365`, whole, 365, ""},
		{"a whole number with a fraction of zero", `30.0`, whole, 30, ""},
		{"a whole number with an exponent", `3e1`, whole, 30, ""},
		{"a number below", `0`, whole, nil, "must be a whole number from 1 to 365"},
		{"a number above", `366`, whole, nil, "must be a whole number from 1 to 365"},
		{"a number with a fraction", `1.5`, whole, nil, "must be a whole number from 1 to 365"},
		{"a number outside the range of float64", `1e999`, whole, nil, "must be a whole number from 1 to 365"},
		{"a string is no number", `"1"`, whole, nil, "must be a whole number from 1 to 365"},
		{"a fraction", `0.25`, fraction, 0.25, ""},
		{"the lower bound is outside", `0`, fraction, nil, "must be a number above 0, at most 8760"},
		{"the upper bound is inside", `8760`, fraction, 8760.0, ""},
		{"above the upper bound", `8760.001`, fraction, nil, "must be a number above 0, at most 8760"},
		{"true is no number", `true`, fraction, nil, "must be a number above 0, at most 8760"},
		{"a choice", `"hours"`, choice, "hours", ""},
		{"a choice in another case", `"Hours"`, choice, nil, "must be one of minutes, hours"},
		{"a choice of another type", `[]`, choice, nil, "must be one of minutes, hours"},
		{"true", `true`, boolean, true, ""},
		{"false", `false`, boolean, false, ""},
		{"a string is no boolean", `"true"`, boolean, nil, "must be true or false"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()

			var faults strict.Faults
			got, ok := tt.read(strict.At([]byte(tt.json), "/x", &faults))
			if tt.fault != "" {
				require.False(t, ok)
				require.Equal(t, []strict.Fault{{Pointer: "/x", Detail: tt.fault}}, faults.List())
				return
			}
			require.True(t, ok)
			require.Equal(t, tt.want, got)
			require.True(t, faults.Empty())
		})
	}
}

func TestFaults_LocateEveryFault(t *testing.T) {
	t.Parallel()

	var faults strict.Faults
	v, ok := strict.Parse([]byte(`{"NAME":"x","days":0,"a/b":1,"m~n":2,"":3,"list":[1,{"x":2}]}`), &faults)
	require.True(t, ok)
	require.Zero(t, v.FaultCount())
	object, ok := v.Object()
	require.True(t, ok)
	require.Equal(t, []string{"NAME", "days", "a/b", "m~n", "", "list"}, object.Names())

	_, ok = object.Need("name")
	require.False(t, ok, "names are case-sensitive")
	_, ok = object.Need("x/y")
	require.False(t, ok)
	days, ok := object.Need("days")
	require.True(t, ok)
	_, ok = days.Int(1, 365)
	require.False(t, ok)
	list, ok := object.Take("list")
	require.True(t, ok)
	members, ok := list.List()
	require.True(t, ok)
	_, ok = members[0].Object()
	require.False(t, ok)
	inner, ok := members[1].Object()
	require.True(t, ok)
	inner.Done("y", "z")
	_, ok = days.List()
	require.False(t, ok)
	object.Done()

	require.Equal(t, []strict.Fault{
		{Pointer: "/name", Detail: "is required"},
		{Pointer: "/x~1y", Detail: "is required"},
		{Pointer: "/days", Detail: "must be a whole number from 1 to 365"},
		{Pointer: "/list/0", Detail: "must be an object"},
		{Pointer: "/list/1/x", Detail: "unknown field; allowed here: y, z"},
		{Pointer: "/days", Detail: "must be an array"},
		{Pointer: "/NAME", Detail: "unknown field"},
		{Pointer: "/a~1b", Detail: "unknown field"},
		{Pointer: "/m~0n", Detail: "unknown field"},
		{Pointer: "/", Detail: "unknown field"},
	}, faults.List())
	require.Equal(t, 10, v.FaultCount())
	require.False(t, faults.Empty())
}

func TestObject_TakesNullMembersAndUnescapedNames(t *testing.T) {
	t.Parallel()

	var faults strict.Faults
	object, ok := strict.At([]byte(`{"\u0061":null,"b":{}}`), "", &faults).Object()
	require.True(t, ok)
	a, ok := object.Take("a")
	require.True(t, ok)
	require.True(t, a.IsNull())
	b, ok := object.Take("b")
	require.True(t, ok)
	require.True(t, b.IsObject())
	require.False(t, b.IsString() || b.IsNumber() || b.IsNull())
	_, ok = object.Take("c")
	require.False(t, ok)
	object.Done()
	require.True(t, faults.Empty())
}

func TestFaults_StayShortForHostileInput(t *testing.T) {
	t.Parallel()

	t.Run("faults beyond the limit are only counted", func(t *testing.T) {
		t.Parallel()

		var faults strict.Faults
		for range strict.MaxFaults {
			faults.Add("/a", "is wrong")
		}
		require.Len(t, faults.List(), strict.MaxFaults)
		faults.Add("/b", "is wrong")
		faults.Add("/c", "is wrong")
		list := faults.List()
		require.Len(t, list, strict.MaxFaults+1)
		require.Equal(t, strict.Fault{Detail: "2 more faults are not listed"}, list[strict.MaxFaults])
		require.Equal(t, list, faults.List())
	})
	t.Run("a long pointer is cut to an enclosing value", func(t *testing.T) {
		t.Parallel()

		var faults strict.Faults
		v, ok := strict.Parse([]byte(`{"`+strings.Repeat("x", strict.MaxPointer)+`":1}`), &faults)
		require.True(t, ok)
		object, ok := strict.At(v.Raw(), "/here", &faults).Object()
		require.True(t, ok)
		object.Done()
		require.Equal(t, []strict.Fault{{Pointer: "/here", Detail: "unknown field"}}, faults.List())
	})
	t.Run("a fault 9,000 levels down has a short pointer", func(t *testing.T) {
		t.Parallel()

		var faults strict.Faults
		_, ok := strict.Parse([]byte(strings.Repeat(`{"abc":`, 9_000)+"x"), &faults)
		require.False(t, ok)
		require.Len(t, faults.List(), 1)
		require.Equal(t, strings.Repeat("/abc", strict.MaxPointer/4), faults.List()[0].Pointer)
	})
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		``, `{"a":1,"a":2}`, `{"a/b":[1,{"~":null}]}`, "\"\xff\"", `"\ud800"`, ` [1, 2.5e3, true] `, `{} {}`, `[[[[`, "\u00a0{}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		before := string(data)
		var faults strict.Faults
		v, ok := strict.Parse(data, &faults)
		require.Equal(t, ok, faults.Empty())
		require.Equal(t, before, string(data), "the input is unchanged")
		if !ok {
			require.Len(t, faults.List(), 1)
			return
		}
		walk(t, v, 0)
		require.True(t, faults.Empty(), "every parsed value can be read: %v", faults.List())
		require.Equal(t, before, string(data), "the input is unchanged")
	})
}

// walk reads v and all values in it.
func walk(t *testing.T, v strict.Value, depth int) {
	if depth == 100 {
		return
	}
	var ok bool
	switch v.Raw()[0] {
	case '{':
		var object *strict.Object
		object, ok = v.Object()
		for _, name := range object.Names() {
			member, there := object.Take(name)
			require.True(t, there)
			walk(t, member, depth+1)
		}
		object.Done()
	case '[':
		var list []strict.Value
		list, ok = v.List()
		for _, member := range list {
			walk(t, member, depth+1)
		}
	case '"':
		_, ok = v.Text(0, len(v.Raw()))
	case 't', 'f':
		_, ok = v.Bool()
	case 'n':
		ok = v.IsNull()
	default:
		ok = v.IsNumber()
	}
	require.True(t, ok)
}
