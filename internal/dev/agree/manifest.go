package agree

import (
	"strconv"
	"time"

	"journeys/internal/manifest"
)

// FromManifest returns what the manifest says is deployed.
func FromManifest() Deployed {
	d := Deployed{"table": manifestTable().aspects()}
	for _, r := range manifest.AllRoutes() {
		d["route "+r.Key()] = Aspects{"function": r.Function.Name, "authorizer": authorizer(r)}
	}
	for _, f := range manifest.Functions() {
		aspects := functionAspects(f.MemoryMB, int(f.Timeout/time.Second), f.Env)
		if f.Schedule > 0 {
			aspects["schedule"] = rate(f.Schedule)
		}
		if f.Stream != nil {
			aspects["stream"] = manifestMapping(*f.Stream).aspect()
		}
		if f.Mail {
			aspects["events"] = pattern([]byte(manifest.MailPattern("Table")))
		}
		if f.Texts {
			aspects["topic"] = textsTopic
		}
		d["function "+f.Name] = aspects
	}
	return d
}

// authorizer returns the name of the function that authorizes a route, "" if it
// is public.
func authorizer(r manifest.Route) string {
	if r.Public {
		return ""
	}
	return manifest.Authorizer.Name
}

func functionAspects(memoryMB, timeoutSeconds int, env []string) Aspects {
	return Aspects{
		"memory":  strconv.Itoa(memoryMB),
		"timeout": strconv.Itoa(timeoutSeconds),
		"env":     sortedList(env),
	}
}

// rate formats a whole number of minutes for EventBridge Scheduler.
func rate(every time.Duration) string {
	if every == time.Minute {
		return "rate(1 minute)"
	}
	return "rate(" + strconv.Itoa(int(every/time.Minute)) + " minutes)"
}

func manifestMapping(s manifest.Stream) mapping {
	return mapping{
		StartingPosition: "TRIM_HORIZON", BatchSize: s.BatchSize,
		MaximumBatchingWindowInSeconds: int(s.BatchWindow / time.Second),
		TumblingWindowInSeconds:        int(s.Window / time.Second),
		FilterCriteria:                 filterCriteria{[]filter{{s.Filter()}}},
	}
}

func manifestTable() table {
	var t table
	t.KeySchema = []key{{manifest.PartitionKey, "HASH"}, {manifest.SortKey, "RANGE"}}
	t.AttributeDefinitions = []attribute{
		{manifest.PartitionKey, "S"}, {manifest.SortKey, "S"},
		{manifest.DuePartitionKey, "S"}, {manifest.DueSortKey, "N"},
	}
	due := index{
		IndexName: manifest.DueIndex,
		KeySchema: []key{{manifest.DuePartitionKey, "HASH"}, {manifest.DueSortKey, "RANGE"}},
	}
	due.Projection.ProjectionType = manifest.IndexProjection
	t.GlobalSecondaryIndexes = []index{due}
	t.TimeToLiveSpecification.AttributeName = manifest.TTL
	t.TimeToLiveSpecification.Enabled = true
	t.StreamSpecification.StreamViewType = manifest.StreamView
	return t
}
