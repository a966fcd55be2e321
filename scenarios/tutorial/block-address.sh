#!/bin/sh
# Nothing from one address, silently.
sudo iptables -A INPUT -s 203.0.113.51 -j DROP
