#!/bin/sh
# Saving the rules to a file and loading them again.
sudo iptables -P INPUT DROP
sudo iptables -A INPUT -i lo -j ACCEPT
sudo iptables -A INPUT -p tcp --dport 22 -m conntrack --ctstate NEW,ESTABLISHED -j ACCEPT
sudo iptables-save > rules.saved
sudo iptables -F
sudo iptables -P INPUT ACCEPT
sudo iptables-restore < rules.saved
sudo iptables -S
