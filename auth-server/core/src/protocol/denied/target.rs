//! What is wrong with the scope or the resource: RFC 6749 section 3.3, RFC 8707.

denials! {
    /// What is wrong with the scope or the resource: RFC 6749 section 3.3, RFC 8707.
    TargetDenied

    /// `resource` is neither a bare name nor an absolute URI without fragment.
    ResourceMalformed = InvalidTarget, "RFC 8707 2", "resource is malformed";
    /// The resource is unknown, or not this client's.
    ResourceRefused = InvalidTarget, "RFC 8707 2", "the resource is unknown, or this client may not ask for it";
    /// No resource was named, and the scope does not settle which one is meant.
    ResourceAmbiguous = InvalidTarget, "RFC 8707 2.2", "this client has several resources: name one with the parameter resource";
    /// The resources want tokens of different kinds.
    ResourcesDisagree = InvalidTarget, "RFC 8707 2.2", "these resources need tokens of different kinds: ask for one at a time";
    /// `scope` is malformed.
    ScopeMalformed = InvalidScope, "RFC 6749 3.3", "scope is malformed";
    /// A scope is unknown, or beyond what the client may have there.
    ScopeTooWide = InvalidScope, "RFC 6749 3.3", "the scope is unknown or goes beyond what this client may have here";
    /// Two of the resources define the same scope.
    ScopeOfTwoResources = InvalidScope, "RFC 8707 2.2", "two of the resources define the same scope: ask for one at a time";
}
