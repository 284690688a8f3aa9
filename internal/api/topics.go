package api

import (
	"net/http"
	"slices"
	"strings"
	"unicode"

	"journeys/internal/api/web"
	"journeys/internal/consent"
	"journeys/internal/manifest"
	"journeys/internal/message"
	"journeys/internal/strict"
	"journeys/internal/subscription"
)

// Values of a topic's default.
const (
	defaultIn  = "in"
	defaultOut = "out"
)

type topicBody struct {
	Name     string   `json:"name"`
	Channels []string `json:"channels"` // sorted
	Default  string   `json:"default"`  // "in" or "out"
}

type tenantSettingsBody struct {
	Topics    map[string]topicBody `json:"topics"`
	UpdatedAt *web.Timestamp       `json:"updatedAt,omitzero"` // nil if never written
	// Page is the path of the page on which recipients unsubscribe, "" where it is not told.
	Page string `json:"unsubscribePage,omitzero"`
}

func newTopicBodies(topics consent.Topics) map[string]topicBody {
	bodies := map[string]topicBody{}
	for id, topic := range topics {
		body := topicBody{topic.Name, topic.Channels, defaultOut}
		if topic.In {
			body.Default = defaultIn
		}
		bodies[id] = body
	}
	return bodies
}

func writeTenantSettings(w http.ResponseWriter, s consent.TenantSettings, page string) error {
	w.Header().Set("ETag", web.ETag(s.Rev))
	return web.WriteJSON(w, http.StatusOK, tenantSettingsBody{newTopicBodies(s.Topics), web.TimestampOrNil(s.UpdatedAt), page})
}

func getTenantSettings(a *API, w http.ResponseWriter, r *request) error {
	known := r.IfNoneMatch()
	if err := r.CheckFaults(); err != nil {
		return err
	}
	settings, err := a.Subscriptions.Store.TenantSettings(r.Context(), r.tenant)
	if err != nil {
		return err
	}
	if known.Match(web.ETag(settings.Rev)) {
		w.Header().Set("ETag", web.ETag(settings.Rev))
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	return writeTenantSettings(w, settings, a.samplePage(r))
}

// samplePage returns the path of the page on which recipients unsubscribe, as an admin may
// look at it. It returns "" if the key cannot be read, since the settings are of use without.
func (a *API) samplePage(r *request) string {
	k, err := a.Key.Key(r.Context())
	if err != nil {
		a.Log.ErrorContext(r.Context(), "unsubscribe page not shown: key not read", "error", err)
		return ""
	}
	return manifest.UnsubscribePath(message.Token(k, r.tenant, message.Sample))
}

func putTenantSettings(a *API, w http.ResponseWriter, r *request) error {
	match := r.IfMatch()
	body, err := r.ReadBody(w, "")
	if err != nil {
		return err
	}
	stored, err := a.Subscriptions.Store.TenantSettings(r.Context(), r.tenant)
	if err != nil {
		return err
	}
	var topics consent.Topics
	if o, ok := body.Object(); ok {
		if v, ok := o.Need("topics"); ok {
			topics = a.readTopics(r, v, stored.Topics)
		}
		o.Ignore("updatedAt", "unsubscribePage") // so that an answer can be sent back
		o.Done("topics")
	}
	if err := r.CheckFaults(); err != nil {
		return err
	}
	settings, err := a.Subscriptions.PutTopics(r.Context(), r.tenant, topics, match)
	if err != nil {
		return err
	}
	return writeTenantSettings(w, settings, "")
}

// readTopics reads topics. A channel that the deployment has no longer may stay where it is
// stored, so that an answer with other changes can be sent back.
func (a *API) readTopics(r *request, v strict.Value, stored consent.Topics) consent.Topics {
	o, ok := v.Object()
	if !ok {
		return nil
	}
	ids := o.Names()
	if len(ids) > consent.MaxTopics {
		v.Fault("must have at most %d topics, has %d", consent.MaxTopics, len(ids))
		return nil
	}
	topics := consent.Topics{}
	for _, id := range ids {
		v, _ := o.Take(id)
		checkTopicID(v, id)
		topics[id] = a.readTopic(r, v, stored[id].Channels)
	}
	return topics
}

// checkTopicID notes a fault at v if its name is no topic's id, and returns whether it is.
func checkTopicID(v strict.Value, name string) bool {
	ok := strict.IsWord(name, strict.MaxWord)
	if !ok {
		v.Fault("the name must be a topic's id: 1 to %d of A-Z, a-z, 0-9, _ and -", strict.MaxWord)
	}
	return ok
}

// readTopicName reads what customers call a topic.
func readTopicName(v strict.Value) string {
	name, ok := v.Text(1, consent.MaxTopicName)
	if ok && (strings.TrimSpace(name) == "" || strings.ContainsFunc(name, unicode.IsControl)) {
		v.Fault("must not be blank or have control characters")
	}
	return name
}

func (a *API) readTopic(r *request, v strict.Value, stored []string) (topic consent.Topic) {
	o, ok := v.Object()
	if !ok {
		return topic
	}
	defer o.Done("name", "channels", "default")
	if name, ok := o.Need("name"); ok {
		topic.Name = readTopicName(name)
	}
	if said, ok := o.Need("default"); ok {
		choice, _ := said.OneOf(defaultIn, defaultOut)
		topic.In = choice == defaultIn
	}
	member, ok := o.Need("channels")
	if !ok {
		return topic
	}
	list, ok := member.List()
	if ok && (len(list) < 1 || len(list) > consent.MaxChannels) {
		member.Fault("must have 1 to %d channels, has %d", consent.MaxChannels, len(list))
		return topic
	}
	for _, element := range list {
		channel, ok := element.Text(1, web.MaxID)
		_, known := a.Journeys.Catalog.Channels.Find(channel, r.tenant.String())
		switch {
		case !ok:
		case !known && !slices.Contains(stored, channel):
			element.Fault("is not a channel that this tenant may use; GET /settings lists them")
		case slices.Contains(topic.Channels, channel):
			element.Fault("is listed before")
		default:
			topic.Channels = append(topic.Channels, channel)
		}
	}
	slices.Sort(topic.Channels)
	return topic
}

type subscriptionsBody struct {
	CustomerID string                   `json:"customerId"`
	Topics     map[string]bool          `json:"topics"` // of the tenant
	Since      map[string]web.Timestamp `json:"since"`  // of those about which a word of the customer or of an address holds
}

func writeSubscriptions(w http.ResponseWriter, r *request, s subscription.State) error {
	body := subscriptionsBody{r.customer, map[string]bool{}, map[string]web.Timestamp{}}
	for id := range s.Topics {
		in, since := s.Word(id)
		if body.Topics[id] = in; !since.IsZero() {
			body.Since[id] = web.Timestamp(since)
		}
	}
	return web.WriteJSON(w, http.StatusOK, body)
}

func getSubscriptions(a *API, w http.ResponseWriter, r *request) error {
	if err := r.CheckFaults(); err != nil {
		return err
	}
	state, err := a.Subscriptions.Of(r.Context(), r.tenant, r.customer)
	if err != nil {
		return err
	}
	return writeSubscriptions(w, r, state)
}

func putSubscriptions(a *API, w http.ResponseWriter, r *request) error {
	body, err := r.ReadBody(w, "")
	if err != nil {
		return err
	}
	change := subscription.Change{Customer: r.customer, Received: r.received}
	if o, ok := body.Object(); ok {
		if v, ok := o.Need("topics"); ok {
			change.Topics = readSubscriptions(v)
		}
		o.Ignore("customerId", "since") // so that an answer can be sent back
		o.Done("topics")
	}
	if !r.Faults.Empty() {
		r.AddFaults(a.Subscriptions.Faults(r.Context(), r.tenant, change))
	}
	if err := r.CheckFaults(); err != nil {
		return err
	}
	state, damaged, err := a.Subscriptions.Put(r.Context(), r.tenant, change)
	a.logDamaged(r, damaged)
	if err != nil {
		return err
	}
	return writeSubscriptions(w, r, state)
}

// readSubscriptions reads an object of Booleans by topic.
func readSubscriptions(v strict.Value) map[string]bool {
	o, ok := v.Object()
	if !ok {
		return nil
	}
	ids := o.Names()
	if len(ids) > consent.MaxTopics {
		v.Fault("must have at most %d topics, has %d", consent.MaxTopics, len(ids))
		return nil
	}
	topics := map[string]bool{}
	for _, id := range ids {
		v, _ := o.Take(id)
		in, _ := v.Bool()
		if checkTopicID(v, id) {
			topics[id] = in
		}
	}
	return topics
}
