package agree

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// FromEvents returns the functions that have an event in a directory, by file
// name, and the routes of these events. A route has an authorizer if its event has
// the authorizer's context. The authorizer's own event counts for no route.
func FromEvents(files fs.FS, dir string) (Deployed, error) {
	entries, err := fs.ReadDir(files, dir)
	if err != nil {
		return nil, err
	}
	d := Deployed{}
	for _, entry := range entries {
		content, err := fs.ReadFile(files, path.Join(dir, entry.Name()))
		if err != nil {
			return nil, err
		}
		name := strings.TrimSuffix(entry.Name(), ".json")
		d["function "+name] = Aspects{}
		if err := addEvent(d, name, content); err != nil {
			return nil, fmt.Errorf("read the event of %s: %w", name, err)
		}
	}
	return d, nil
}

func addEvent(d Deployed, function string, content []byte) error {
	var event struct {
		Version, Type, RouteKey, RawPath string
		RequestContext                   struct {
			RouteKey   string
			Authorizer struct{ Lambda map[string]any }
			HTTP       struct{ Method, Path string }
		}
	}
	if err := json.Unmarshal(content, &event); err != nil {
		return err
	}
	if event.RouteKey == "" && event.RequestContext.HTTP.Method == "" {
		return nil // the function has no route
	}
	called := event.RequestContext
	method, pattern, _ := strings.Cut(event.RouteKey, " ")
	switch {
	case event.Version != "2.0":
		return fmt.Errorf("the payload format is %q", event.Version)
	case called.RouteKey != event.RouteKey || called.HTTP.Path != event.RawPath || called.HTTP.Method != method:
		return fmt.Errorf("its fields contradict its route %s", event.RouteKey)
	case !matches(pattern, event.RawPath):
		return fmt.Errorf("its path %s does not match its route %s", event.RawPath, event.RouteKey)
	case event.Type == "REQUEST":
		return nil
	}
	subject := "route " + event.RouteKey
	if _, twice := d[subject]; twice {
		return fmt.Errorf("%s has two events", subject)
	}
	authorizer := ""
	if len(called.Authorizer.Lambda) > 0 {
		authorizer = "authorizer"
	}
	d[subject] = Aspects{"function": function, "authorizer": authorizer}
	return nil
}

// matches reports whether a path matches a pattern, in which {name} stands for any
// segment.
func matches(pattern, path string) bool {
	want, have := strings.Split(pattern, "/"), strings.Split(path, "/")
	if len(want) != len(have) {
		return false
	}
	for i, segment := range want {
		if segment != have[i] && !strings.HasPrefix(segment, "{") {
			return false
		}
	}
	return true
}
