package api

import (
	"slices"
	"strconv"
	"strings"
)

// tags are the entity tags that an If-Match or If-None-Match header lists.
type tags struct {
	any  bool     // "*"
	weak bool     // all tags are weak
	list []string // the quoted tags that may match
}

func (t tags) match(tag string) bool { return t.any || slices.Contains(t.list, tag) }

// revisions returns the tags that are revisions. Others match no revision.
func (t tags) revisions() []int64 {
	list := []int64{}
	for _, tag := range t.list {
		rev, err := strconv.ParseInt(strings.Trim(tag, `"`), 10, 64)
		if err == nil && etag(rev) == tag {
			list = append(list, rev)
		}
	}
	return list
}

// ifMatch returns the revisions of If-Match, nil for any revision: the header is
// absent or "*". Weak tags never match (RFC 9110, 13.1.1): a header of nothing else is a
// fault, since a client that reads again, as after 412, would get another weak tag from
// the proxy that weakens them.
func (r *request) ifMatch() []int64 {
	given, ok := r.readTags("If-Match", false)
	if !ok || given.any {
		return nil
	}
	return given.revisions()
}

// ifNoneMatch returns the tags of If-None-Match, in which weak tags match
// (RFC 9110, 13.1.2).
func (r *request) ifNoneMatch() tags {
	given, _ := r.readTags("If-None-Match", true)
	return given
}

// readTags reads a header of entity tags. It returns false if the header is
// absent or malformed.
func (r *request) readTags(header string, allowWeak bool) (tags, bool) {
	values := r.Header.Values(header)
	if len(values) == 0 {
		return tags{}, false
	}
	given, ok := parseTags(strings.Join(values, ","), allowWeak)
	if !ok {
		r.faults.Add(headPlace+header, `must be * or entity tags like "3", separated by commas`)
	} else if given.weak && !allowWeak {
		r.faults.Add(headPlace+header, `has only weak entity tags like W/"3", which never match; send the tag without W/`)
		ok = false
	}
	return given, ok
}

// parseTags parses "*" or a list of at least one entity tag. It returns false
// for any other text.
func parseTags(text string, allowWeak bool) (tags, bool) {
	found := tags{weak: true}
	if strings.Trim(text, " \t") == "*" {
		return tags{any: true}, true
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
			found.list = append(found.list, `"`+value+`"`)
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
