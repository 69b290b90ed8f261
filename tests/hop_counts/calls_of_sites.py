"""Which asynchronous calls does the rest of Django have? Calls that are new in 6.0 are in another file."""

from django.conf import settings
from django.contrib import auth
from django.contrib.auth import hashers, middleware
from django.contrib.auth.models import AnonymousUser, Group, GroupManager, User, UserManager
from django.contrib.sessions.backends.db import SessionStore
from django.core.cache.backends.locmem import LocMemCache
from django.dispatch import Signal

from tests.hop_counts.things import PASSWORD

OWNERS = {
    "auth": auth,
    "hashers": hashers,
    "middleware": middleware,
    "AnonymousUser": AnonymousUser,
    "GroupManager": GroupManager,
    "User": User,
    "UserManager": UserManager,
    "SessionStore": SessionStore,
    "LocMemCache": LocMemCache,
    "Signal": Signal,
}

PERMISSION = "auth.add_user"


def _right(it):
    return {"username": it.user.username, "password": PASSWORD}


AUTH = {
    "AnonymousUser.aget_all_permissions": lambda it: AnonymousUser().aget_all_permissions(),
    "AnonymousUser.aget_group_permissions": lambda it: AnonymousUser().aget_group_permissions(),
    "AnonymousUser.aget_user_permissions": lambda it: AnonymousUser().aget_user_permissions(),
    "AnonymousUser.ahas_module_perms": lambda it: AnonymousUser().ahas_module_perms("auth"),
    "AnonymousUser.ahas_perm": lambda it: AnonymousUser().ahas_perm(PERMISSION),
    "AnonymousUser.ahas_perms": lambda it: AnonymousUser().ahas_perms([PERMISSION]),
    "GroupManager.aget_by_natural_key": lambda it: Group.objects.aget_by_natural_key(it.group.name),
    "User.acheck_password": lambda it: it.user.acheck_password(PASSWORD),
    "User.aget_all_permissions": lambda it: it.user.aget_all_permissions(),
    "User.aget_group_permissions": lambda it: it.user.aget_group_permissions(),
    "User.aget_user_permissions": lambda it: it.user.aget_user_permissions(),
    "User.ahas_module_perms": lambda it: it.user.ahas_module_perms("auth"),
    "User.ahas_perm": lambda it: it.user.ahas_perm(PERMISSION),
    "User.ahas_perm (superuser)": lambda it: it.superuser.ahas_perm(PERMISSION),
    "User.ahas_perms": lambda it: it.user.ahas_perms([PERMISSION, PERMISSION]),
    "UserManager.acreate_superuser": lambda it: User.objects.acreate_superuser(
        f"new{it.number}", password=PASSWORD
    ),
    "UserManager.acreate_user": lambda it: User.objects.acreate_user(f"new{it.number}", password=PASSWORD),
    "UserManager.aget_by_natural_key": lambda it: User.objects.aget_by_natural_key(it.user.username),
    "auth.aauthenticate (right password)": lambda it: auth.aauthenticate(**_right(it)),
    "auth.aauthenticate (unknown user)": lambda it: auth.aauthenticate(username="nobody", password=PASSWORD),
    "auth.aauthenticate (wrong password)": lambda it: auth.aauthenticate(
        **_right(it) | {"password": "wrong"}
    ),
    "auth.acheck_password_with_timing_attack_mitigation": lambda it: (
        auth.acheck_password_with_timing_attack_mitigation(it.user, PASSWORD)
    ),
    "auth.aget_user": lambda it: auth.aget_user(it.request),
    "auth.aget_user (loaded)": lambda it: auth.aget_user(it.loaded_request),
    "auth.alogin": lambda it: auth.alogin(it.anonymous_request, it.user),
    "auth.alogout": lambda it: auth.alogout(it.request),
    "auth.alogout (loaded)": lambda it: auth.alogout(it.loaded_request),
    # If the session is not loaded, this is an error in 5.2: it reads request.user on the loop.
    "auth.aupdate_session_auth_hash (loaded)": lambda it: auth.aupdate_session_auth_hash(
        it.loaded_request, it.user
    ),
    "hashers.acheck_password": lambda it: hashers.acheck_password(PASSWORD, it.user.password),
    "middleware.auser": lambda it: middleware.auser(it.request),
}
SESSIONS = {
    "SessionStore.aclear_expired": lambda it: SessionStore.aclear_expired(),
    "SessionStore.acreate": lambda it: SessionStore().acreate(),
    "SessionStore.acreate_model_instance": lambda it: it.loaded_session.acreate_model_instance({}),
    "SessionStore.acycle_key": lambda it: it.session.acycle_key(),
    "SessionStore.acycle_key (loaded)": lambda it: it.loaded_session.acycle_key(),
    "SessionStore.adelete": lambda it: it.session.adelete(),
    "SessionStore.adelete_test_cookie": lambda it: it.session.adelete_test_cookie(),
    "SessionStore.aexists": lambda it: it.session.aexists(it.session.session_key),
    "SessionStore.aflush": lambda it: it.session.aflush(),
    "SessionStore.aget": lambda it: it.session.aget("key"),
    "SessionStore.aget (loaded)": lambda it: it.loaded_session.aget("key"),
    "SessionStore.aget_expire_at_browser_close": lambda it: it.session.aget_expire_at_browser_close(),
    "SessionStore.aget_expiry_age": lambda it: it.session.aget_expiry_age(),
    "SessionStore.aget_expiry_date": lambda it: it.session.aget_expiry_date(),
    "SessionStore.ahas_key": lambda it: it.session.ahas_key("key"),
    "SessionStore.aitems": lambda it: it.session.aitems(),
    "SessionStore.akeys": lambda it: it.session.akeys(),
    "SessionStore.aload": lambda it: it.session.aload(),
    "SessionStore.apop": lambda it: it.session.apop("key"),
    "SessionStore.asave": lambda it: it.session.asave(),
    "SessionStore.asave (loaded)": lambda it: it.loaded_session.asave(),
    "SessionStore.asave (new)": lambda it: SessionStore().asave(),
    "SessionStore.aset": lambda it: it.session.aset("key", "other"),
    "SessionStore.aset (loaded)": lambda it: it.loaded_session.aset("key", "other"),
    "SessionStore.aset_expiry": lambda it: it.session.aset_expiry(60),
    "SessionStore.aset_test_cookie": lambda it: it.session.aset_test_cookie(),
    "SessionStore.asetdefault": lambda it: it.session.asetdefault("other", "value"),
    "SessionStore.atest_cookie_worked": lambda it: it.session.atest_cookie_worked(),
    "SessionStore.aupdate": lambda it: it.session.aupdate({"key": "other"}),
    "SessionStore.avalues": lambda it: it.session.avalues(),
}
CACHE = {
    "LocMemCache.aadd": lambda it: it.cache.aadd("other", 1),
    "LocMemCache.aclear": lambda it: it.cache.aclear(),
    "LocMemCache.aclose": lambda it: it.cache.aclose(),
    "LocMemCache.adecr": lambda it: it.cache.adecr("key"),
    "LocMemCache.adecr_version": lambda it: it.cache.adecr_version("key"),
    "LocMemCache.adelete": lambda it: it.cache.adelete("key"),
    "LocMemCache.adelete_many (5 keys)": lambda it: it.cache.adelete_many("abcde"),
    "LocMemCache.aget": lambda it: it.cache.aget("key"),
    "LocMemCache.aget_many (5 keys)": lambda it: it.cache.aget_many("abcde"),
    "LocMemCache.aget_or_set (found)": lambda it: it.cache.aget_or_set("key", 1),
    "LocMemCache.aget_or_set (set)": lambda it: it.cache.aget_or_set("other", 1),
    "LocMemCache.ahas_key": lambda it: it.cache.ahas_key("key"),
    "LocMemCache.aincr": lambda it: it.cache.aincr("key"),
    "LocMemCache.aincr_version": lambda it: it.cache.aincr_version("key"),
    "LocMemCache.aset": lambda it: it.cache.aset("key", 2),
    "LocMemCache.aset_many (5 keys)": lambda it: it.cache.aset_many(dict.fromkeys("abcde", 1)),
    "LocMemCache.atouch": lambda it: it.cache.atouch("key"),
}


def _sync_1(**_): ...
def _sync_2(**_): ...
async def _async_1(**_): ...
async def _async_2(**_): ...


RECEIVERS = {
    "no receivers": (),
    "2 sync receivers": (_sync_1, _sync_2),
    "2 async receivers": (_async_1, _async_2),
    "2 sync and 2 async receivers": (_sync_1, _async_1, _sync_2, _async_2),
}


def _sent(method, receivers):
    signal = Signal()
    for receiver in receivers:
        signal.connect(receiver)
    return getattr(signal, method)(sender=None)


SIGNALS = {
    f"Signal.{method} ({name})": lambda it, method=method, receivers=receivers: _sent(method, receivers)
    for method in ("asend", "asend_robust")
    for name, receivers in RECEIVERS.items()
}
CHAINS = {
    "no middleware": (),
    "one sync middleware": ("tests.hop_counts.urls.sync_middleware",),
    "the default middlewares": tuple(settings.MIDDLEWARE),
}
REQUESTS = {
    f"{view} view ({name})": lambda it, view=view, chain=chain: it.served(f"/{view}/", *chain)
    for view in ("async", "sync")
    for name, chain in CHAINS.items()
}

GROUPS = {
    "Authentication": AUTH,
    "Sessions in the database": SESSIONS,
    "Cache in memory": CACHE,
    "Signals": SIGNALS,
    "Requests under ASGI to an empty view": REQUESTS,
}
