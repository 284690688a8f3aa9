package web

import (
	"slices"
	"strconv"
	"strings"
)

// Tags are the entity tags that an If-Match or If-None-Match header lists.
type Tags struct {
	Any  bool     // "*"
	weak bool     // all tags are weak
	List []string // the quoted tags that may match
}

// Match reports whether a tag is among them.
func (t Tags) Match(tag string) bool { return t.Any || slices.Contains(t.List, tag) }

// Revisions returns the tags that are Revisions. Others match no revision.
func (t Tags) Revisions() []int64 {
	list := []int64{}
	for _, tag := range t.List {
		rev, err := strconv.ParseInt(strings.Trim(tag, `"`), 10, 64)
		if err == nil && ETag(rev) == tag {
			list = append(list, rev)
		}
	}
	return list
}

// IfMatch returns the Revisions of If-Match, nil for any revision: the header is
// absent or "*". Weak tags never match (RFC 9110, 13.1.1): a header of nothing else is a
// fault, since a client that reads again, as after 412, would get another weak tag from
// the proxy that weakens them.
func (r *Request) IfMatch() []int64 {
	given, ok := r.ReadTags("If-Match", false)
	if !ok || given.Any {
		return nil
	}
	return given.Revisions()
}

// IfNoneMatch returns the tags of If-None-Match, in which weak tags match
// (RFC 9110, 13.1.2).
func (r *Request) IfNoneMatch() Tags {
	given, _ := r.ReadTags("If-None-Match", true)
	return given
}

// ReadTags reads a header of entity tags. It returns false if the header is
// absent or malformed.
func (r *Request) ReadTags(header string, allowWeak bool) (Tags, bool) {
	values := r.Header.Values(header)
	if len(values) == 0 {
		return Tags{}, false
	}
	given, ok := parseTags(strings.Join(values, ","), allowWeak)
	if !ok {
		r.Faults.Add(HeadPlace+header, `must be * or entity tags like "3", separated by commas`)
	} else if given.weak && !allowWeak {
		r.Faults.Add(HeadPlace+header, `has only weak entity tags like W/"3", which never match; send the tag without W/`)
		ok = false
	}
	return given, ok
}

// parseTags parses "*" or a list of at least one entity tag. It returns false
// for any other text.
func parseTags(text string, allowWeak bool) (Tags, bool) {
	found := Tags{weak: true}
	if strings.Trim(text, " \t") == "*" {
		return Tags{Any: true}, true
	}
	count := 0
	for {
		text = strings.TrimLeft(text, " \t,")
		if text == "" {
			return found, count > 0
		}
		tag, weak := strings.CutPrefix(text, "W/")
		value, rest, ok := cutTag(tag)
		if !ok {
			return found, false
		}
		count++
		found.weak = found.weak && weak
		if !weak || allowWeak {
			found.List = append(found.List, `"`+value+`"`)
		}
		text = rest
	}
}

// cutTag splits text after its first quoted tag, which the end or a comma must
// follow.
func cutTag(text string) (value, rest string, ok bool) {
	text, ok = strings.CutPrefix(text, `"`)
	if !ok {
		return "", "", false
	}
	value, rest, ok = strings.Cut(text, `"`)
	invalid := func(c rune) bool { return c <= ' ' || c == 0x7f }
	if !ok || strings.ContainsFunc(value, invalid) {
		return "", "", false
	}
	rest = strings.TrimLeft(rest, " \t")
	return value, rest, rest == "" || rest[0] == ','
}

// ETag returns the entity tag of a revision.
func ETag(rev int64) string { return `"` + strconv.FormatInt(rev, 10) + `"` }
