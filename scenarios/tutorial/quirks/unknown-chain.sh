#!/bin/sh
# A chain must be made (-N) before it is used.
sudo iptables -A SSH -p tcp --dport 22 -j ACCEPT
