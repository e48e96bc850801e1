"""One connection to an MQTT broker. paho-mqtt lives here.

A connection that is lost is not taken up again: what was not acknowledged on it is the outbox's business,
and a client that repeats by itself would send a message again that the outbox sends too.
"""

from __future__ import annotations

import secrets
import ssl
import threading
import time
from collections.abc import Callable, Mapping

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from daemon.config import MqttSettings
from daemon.errors import AuroradError, DeliveryError

CONNECT_S = 10.0
ACKNOWLEDGED_S = 10.0
KEEPALIVE_S = 30  # a broker that vanished without a word is missed after one and a half of these
Heard = Callable[[str, bytes], object]
"""What is done with a message: its topic and its payload. Called on the connection's own thread."""


class _Closing(ssl.SSLSocket):
    """Closed where its handshake fails, which paho-mqtt leaves to the garbage collector."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except OSError:
            self.close()
            raise


class Link:
    """An open connection. ``lost`` is set once it is no more; thread-safe."""

    def __init__(
        self, settings: MqttSettings, will: tuple[str, str] | None, listen: Mapping[str, Heard]
    ) -> None:
        """Connect; ``will`` is (topic, payload) of the last will, ``listen`` what is done with messages by topic.

        Raises DeliveryError with the reason where there is no connection within ``CONNECT_S``.
        """
        self.lost = threading.Event()
        self._open = threading.Event()
        self._why = ""
        self._where = f"{settings.host}:{settings.port}"
        self._client = self._made(settings, will, listen)
        try:
            self._client.connect(settings.host, settings.port, keepalive=KEEPALIVE_S)
        except (OSError, ValueError) as error:  # ssl.SSLError and timeouts are OSErrors
            raise DeliveryError(f"the MQTT broker at {self._where} cannot be reached: {error}") from None
        self._client.loop_start()
        end = time.monotonic() + CONNECT_S
        while not self._open.wait(0.05):
            if self.lost.is_set() or time.monotonic() > end:
                self.close()
                raise DeliveryError(
                    f"the MQTT broker at {self._where} refuses us: {self._why or 'no answer'}"
                )

    def _made(
        self, settings: MqttSettings, will: tuple[str, str] | None, listen: Mapping[str, Heard]
    ) -> paho.Client:
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"aurorad-{secrets.token_hex(6)}",
            clean_session=True,
            reconnect_on_failure=False,
        )
        client.connect_timeout = CONNECT_S
        if will is not None:
            client.will_set(*will, qos=1, retain=True)
        try:
            password = settings.secret()
            if password is not None:
                client.username_pw_set(settings.user, password.get_secret_value())
            if settings.tls:
                context = ssl.create_default_context(cafile=settings.ca)
                context.sslsocket_class = _Closing
                client.tls_set_context(context)
        except (AuroradError, OSError, ValueError) as error:
            raise DeliveryError(f"the MQTT broker at {self._where} cannot be used: {error}") from None

        def on_connect(_: object, __: object, ___: object, code: ReasonCode, ____: object) -> None:
            if code.is_failure:
                self._why = str(code).lower()
                self.lost.set()
                return
            for topic in listen:
                client.subscribe(topic, qos=1)
            self._open.set()

        def on_disconnect(*_: object) -> None:
            self.lost.set()

        client.on_connect, client.on_disconnect = on_connect, on_disconnect
        for topic, heard in listen.items():
            client.message_callback_add(topic, _calling(heard))
        return client

    def publish(self, topic: str, payload: str | bytes, *, retain: bool = True) -> None:
        """Returning means that the broker has it. Raises DeliveryError otherwise, and ends the connection."""
        try:
            sent = self._client.publish(topic, payload, qos=1, retain=retain)
            end = time.monotonic() + ACKNOWLEDGED_S
            while not sent.is_published():
                if self.lost.is_set() or time.monotonic() > end:
                    raise DeliveryError(f"the MQTT broker at {self._where} has not taken {topic}")
                sent.wait_for_publish(0.1)
        except (ValueError, RuntimeError, OSError, DeliveryError) as error:
            self.close()
            if isinstance(error, DeliveryError):
                raise
            raise DeliveryError(f"the MQTT broker at {self._where} cannot be written to: {error}") from None

    def close(self) -> None:
        """End the connection. Twice does no harm."""
        self.lost.set()
        self._client.disconnect()
        self._client.loop_stop()


def check(settings: MqttSettings) -> None:
    """Connect, log in, and leave without a word. Raises DeliveryError with the reason where that fails."""
    Link(settings, None, {}).close()


def _calling(heard: Heard) -> Callable[[paho.Client, object, paho.MQTTMessage], None]:
    def call(_: paho.Client, __: object, message: paho.MQTTMessage) -> None:
        heard(message.topic, bytes(message.payload))

    return call
