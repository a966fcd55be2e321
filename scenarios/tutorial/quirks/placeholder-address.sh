#!/bin/sh
# The tutorial's placeholder was left in place of an address.
sudo iptables -A INPUT -s ip-address-here -j DROP
